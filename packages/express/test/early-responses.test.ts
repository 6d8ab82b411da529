import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { closeAll, startGateway, startRawInstance } from './support.ts'

afterEach(closeAll)

const uploadBytes = 8_000_000

interface Answer {
  readonly status: number | undefined
  readonly body: string
}

/** Sends a body that the instance does not wait for. */
function upload(port: number, method: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', method, headers }, (response: IncomingMessage) => {
      let body = ''
      response.setEncoding('latin1').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, body }))
    })
    sent.on('error', reject)
    const chunk = Buffer.alloc(65_536)
    let left = uploadBytes
    const push = (): void => {
      while (left > 0) {
        left -= chunk.length
        if (!sent.write(chunk.subarray(0, Math.min(chunk.length, left + chunk.length)))) {
          sent.once('drain', push)
          return
        }
      }
      sent.end()
    }
    push()
  })
}

/** An instance that responds at the head of a request and resets the connection, as unread bytes make it. */
function startHasty(response: string): Promise<string> {
  return startRawInstance((socket: Socket) => {
    socket.removeAllListeners('data').pause()
    socket.write(response, () => socket.destroySoon())
  })
}

describe('a response that comes during the upload, with a reset of the connection', () => {
  it.each([
    ['POST', { 'content-length': String(uploadBytes) }],
    ['PUT', { 'content-length': String(uploadBytes) }],
    ['POST', { 'transfer-encoding': 'chunked' }],
  ])('reaches the client: %s %o', async (method, headers) => {
    const large = 'HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge'
    const { port, lb } = await startGateway([await startHasty(large)], { lb: { outlierDetection: false } })
    for (let round = 0; round < 5; round++) {
      expect(await upload(port, method, headers)).toEqual({ status: 413, body: 'large' })
    }
    await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))
  })

  it('reaches the client when only the end of the connection ends it', async () => {
    const { port } = await startGateway([await startHasty('HTTP/1.1 401 No\r\nConnection: close\r\n\r\nwho are you')])
    expect(await upload(port, 'POST', { 'transfer-encoding': 'chunked' })).toMatchObject({ status: 401 })
  })
})

describe('a reset during the upload', () => {
  it('without a response is a 502', async () => {
    const { port, lb } = await startGateway([await startHasty('')])
    const { status } = await upload(port, 'POST', { 'content-length': String(uploadBytes) })
    expect(status).toBe(502)
    await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))
  })
})
