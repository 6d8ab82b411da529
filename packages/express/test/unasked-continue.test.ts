import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { closeAll, exchangeBytes, startGateway, startRawInstance, statuses } from './support.ts'

afterEach(closeAll)

const requests = {
  GET: 'GET / HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n',
  POST: 'POST / HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx',
  'chunked POST':
    'POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n',
}
const continued = 'HTTP/1.1 100 Continue\r\n\r\n'
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Writes `pieces` one after the other, each in a packet of its own. */
function inPackets(socket: Socket, pieces: readonly string[]): void {
  const [piece, ...rest] = pieces
  if (piece === undefined || socket.destroyed) return
  socket.write(piece, 'latin1', () => setImmediate(() => inPackets(socket, rest)))
}

describe('a 100 Continue that was not asked for', () => {
  const ways = {
    'with the answer': [continued + answer],
    'before the answer': [continued, answer],
    'several times': [continued.repeat(3), continued + answer],
    'with fields': ['HTTP/1.1 100 Continue\r\nDate: now\r\nX-Y: z\r\n\r\n', answer],
    'byte by byte': (continued + answer).split(''),
    'without carriage returns': ['HTTP/1.1 100 Continue\n\n', answer],
  }

  it.each(
    Object.entries(requests).flatMap(([kind, request]) =>
      Object.entries(ways).map(([way, pieces]) => ({ kind, request, way, pieces })),
    ),
  )('$way is no answer to a $kind, which is sent once', async ({ request, pieces }) => {
    let received = 0
    const instance = await startRawInstance((socket, text) => {
      if (!/^[A-Z]+ \//.test(text)) return
      received++
      inPackets(socket, pieces)
    })
    const { port } = await startGateway([instance])
    const text = await exchangeBytes(port, request, 3_000)
    expect(statuses(text)).toEqual([200])
    expect(text.endsWith('ok')).toBe(true)
    expect(received).toBe(1)
  })

  it('leaves early hints, and what looks like it in a body', async () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
    const body = continued.repeat(2)
    const pieces = [
      continued + hint + continued,
      `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`,
      continued,
      continued,
    ]
    const instance = await startRawInstance((socket) => inPackets(socket, pieces))
    const { port } = await startGateway([instance])
    for (let number = 0; number < 2; number++) {
      const text = await exchangeBytes(port, requests.GET, 3_000)
      expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 103', 'HTTP/1.1 200', 'HTTP/1.1 100', 'HTTP/1.1 100'])
      expect(text.endsWith(body)).toBe(true)
    }
  })

  it('without end is an answer that is broken', async () => {
    const instance = await startRawInstance((socket) => {
      const push = (): void => {
        while (!socket.destroyed && socket.write(continued.repeat(50)));
      }
      socket.on('drain', push)
      push()
    })
    const { port } = await startGateway([instance], { lb: { retry: false } })
    expect(statuses(await exchangeBytes(port, requests.GET, 3_000))).toEqual([502])
  })
})
