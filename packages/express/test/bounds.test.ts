import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { closeAll, exchangeBytes, startEcho, startGateway, startRawInstance, statuses } from './support.ts'

afterEach(closeAll)

const get = 'GET / HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n'
const hint = (bytes: number): string => `HTTP/1.1 103 Early Hints\r\nLink: </${'a'.repeat(bytes)}>; rel=preload\r\n\r\n`
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'

describe('interim answers', () => {
  it('up to a hundred come before the answer', async () => {
    const instance = await startRawInstance((socket) => socket.write(hint(10).repeat(100) + answer))
    const { port } = await startGateway([instance])
    const received = statuses(await exchangeBytes(port, get, 2_000))
    expect([received.length, received.at(-1)]).toEqual([101, 200])
  })

  it.each(['103 Early Hints', '102 Processing', '150 Whatever'])('endless %s fail the attempt', async (status) => {
    const sockets: Socket[] = []
    const instance = await startRawInstance((socket) => {
      sockets.push(socket)
      const push = (): void => {
        while (!socket.destroyed && socket.write(`HTTP/1.1 ${status}\r\nLink: </a>\r\n\r\n`.repeat(16)));
      }
      socket.on('drain', push)
      push()
    })
    const { address } = await startEcho()
    const alone = await startGateway([instance], { lb: { retry: false } })
    expect(statuses(await exchangeBytes(alone.port, get, 2_000)).at(-1)).toBe(502)
    expect(alone.lb.inspect('service').instances[0]).toMatchObject({ failed: 1, inFlight: 0 })
    await vi.waitFor(() => expect(sockets.every(({ destroyed }) => destroyed)).toBe(true))
    const { port } = await startGateway([instance, address], { lb: { outlierDetection: false } })
    for (let request = 0; request < 2; request++) {
      expect(statuses(await exchangeBytes(port, get, 2_000)).at(-1)).toBe(200)
    }
  })

  it('longer than 64 KiB together fail the attempt', async () => {
    const instance = await startRawInstance((socket) => socket.write(hint(10_000).repeat(7) + answer))
    const { port } = await startGateway([instance], { lb: { retry: false } })
    expect(statuses(await exchangeBytes(port, get, 2_000)).at(-1)).toBe(502)
  })

  it('are left out for a client that does not read', async () => {
    const instance = await startRawInstance((socket) => socket.write(hint(600).repeat(90) + answer))
    const { port, server } = await startGateway([instance])
    // As if the client's window were shut until the end.
    server.on('connection', (socket) => socket.cork())
    const received = statuses(await exchangeBytes(port, get, 2_000))
    expect(received.at(-1)).toBe(200)
    expect(received.length).toBeLessThan(35)
  })
})

describe('fields of an answer', () => {
  const fields = (count: number): string => Array.from({ length: count }, (_, index) => `${index}:\r\n`).join('')

  it.each([
    [2_000, 200],
    [2_001, 502],
  ])('%i of them: %i', async (count, status) => {
    const instance = await startRawInstance((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\n${fields(count - 1)}Content-Length: 2\r\n\r\nok`),
    )
    const { port } = await startGateway([instance], { framework: 'express 5', lb: { retry: false } })
    expect(statuses(await exchangeBytes(port, get, 2_000))).toEqual([status])
  })

  it.each([
    [2_000, /0\r\n0: \r\n1: /],
    [2_001, /^(?!.*\r\n0\r\n\r\n$)/s],
  ])('%i trailers', async (count, end) => {
    const instance = await startRawInstance((socket) =>
      socket.write(
        `HTTP/1.1 200 OK\r\nTrailer: 0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${fields(count)}\r\n`,
      ),
    )
    const { port } = await startGateway([instance], { lb: { retry: false } })
    expect(await exchangeBytes(port, get, 2_000)).toMatch(end)
  })
})

describe('fields of a request', () => {
  it.each([
    ['Content-Length', 'Content-Length: 5\r\n\r\nhello'],
    ['Transfer-Encoding', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['Host', 'Host: b\r\nContent-Length: 0\r\n\r\n'],
    ['nothing of importance', 'a: b\r\nContent-Length: 0\r\n\r\n'],
  ])('more than Node keeps, among them %s: 431, and no instance is reached', async (_name, rest) => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address])
    for (const count of [998, 1_100, 2_100]) {
      const many = Array.from({ length: count }, (_, index) => `${index}:\r\n`).join('')
      const received = await exchangeBytes(port, `POST / HTTP/1.1\r\nHost: gw.test\r\n${many}${rest}`, 500)
      expect(statuses(received)[0]).toBe(431)
    }
    expect(seen).toEqual([])
  })
})

describe('what is neither header nor body', () => {
  it.each([
    ['reason phrase', 'HTTP/1.1 200 ', 502],
    ['extension of a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;', 200],
  ])('fails the attempt when it does not end: the %s', { timeout: 10_000 }, async (_what, first, status) => {
    const sockets: Socket[] = []
    const instance = await startRawInstance((socket) => {
      sockets.push(socket)
      const push = (): void => {
        while (!socket.destroyed && socket.write('b'.repeat(60_000)));
      }
      socket.on('drain', push)
      socket.write(first)
      push()
    })
    const { port, lb } = await startGateway([instance], { lb: { retry: false } })
    expect(statuses(await exchangeBytes(port, get, 2_000))).toEqual([status])
    await vi.waitFor(() => expect(sockets.every(({ destroyed }) => destroyed)).toBe(true))
    expect(sockets).toHaveLength(1)
    expect(lb.inspect('service')).toMatchObject({ inFlight: 0, instances: [{ failed: 1 }] })
  })
})
