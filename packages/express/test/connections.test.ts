import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import type { PoolOptions } from '@lb/undici/authoring'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ProxyError } from '../src/index.ts'
import { closeAll, exchangeBytes, type Gateway, startGateway, startInstance, startRawInstance } from './support.ts'

afterEach(async () => {
  vi.useRealTimers()
  await closeAll()
})

function inPackets(socket: Socket, [piece, ...rest]: readonly string[]): void {
  if (piece !== undefined) socket.write(piece, 'latin1', () => setImmediate(() => inPackets(socket, rest)))
}

/** An instance that gives every request `answer`, in packets, and notes its connections. */
async function noting(...answer: readonly string[]): Promise<{ address: string; connections: Set<Socket> }> {
  const connections = new Set<Socket>()
  const address = await startRawInstance((socket) => {
    connections.add(socket)
    inPackets(socket, answer)
  })
  return { address, connections }
}

async function statusOf({ port }: Gateway, method: string, path = '/'): Promise<number> {
  const sent = request({ port, host: '127.0.0.1', method, path, agent: false, maxHeaderSize: 262_144 }).end()
  const [response] = await once(sent, 'response')
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

describe('an idle connection', () => {
  const cases: readonly [announced: string, pool: PoolOptions | undefined, openMs: number][] = [
    ['', undefined, 1_000],
    ['Keep-Alive: timeout=5\r\n', undefined, 4_000],
    ['Keep-Alive: timeout=5, max=100\r\n', undefined, 4_000],
    ['Keep-Alive: timeout=1\r\n', undefined, 0],
    ['Keep-Alive: timeout=600\r\n', undefined, 60_000],
    ['', { keepAliveTimeoutMs: 500 }, 500],
    ['Keep-Alive: timeout=5\r\n', { keepAliveTimeoutMs: 500 }, 500],
    ['', { keepAliveTimeoutMs: 20_000 }, 20_000],
    ['Keep-Alive: timeout=5\r\n', { keepAliveTimeoutMs: 20_000 }, 4_000],
    ['', { keepAliveTimeoutMs: 0 }, 0],
  ]

  it.each(cases)(
    'is closed before an instance that says %j closes it, with %j after %d ms',
    async (field, pool, openMs) => {
      const { address, connections } = await noting(`HTTP/1.1 200 OK\r\n${field}Content-Length: 2\r\n\r\nok`)
      const gateway = await startGateway([address], { proxy: { pool } })
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      expect(await statusOf(gateway, 'POST')).toBe(200)
      const [socket] = connections
      // It is idle when the transport has seen the end.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
      if (openMs > 0) {
        vi.advanceTimersByTime(openMs - 1)
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
        expect(socket?.readableEnded).toBe(false)
        vi.advanceTimersByTime(1)
      }
      await vi.waitFor(() => expect(socket?.readableEnded || socket?.destroyed).toBe(true))
    },
  )
})

describe('the connection is used again after', () => {
  const length = 'Content-Length: 5\r\n'

  it.each([
    ['a 304 with a length', 'GET', [`HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n${length}\r\n`]],
    ['a 304 with a length in packets', 'GET', ['HTTP/1.1 3', `04 Not Modified\r\n${length}ETag: "a"\r`, '\n\r', '\n']],
    ['a 304 behind hints', 'GET', [`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 304 No\r\n${length}\r\n`]],
    ['a 204 with a length', 'DELETE', [`HTTP/1.1 204 No Content\r\n${length}\r\n`]],
    ['a 204 with a length of nothing', 'DELETE', ['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n']],
    ['a HEAD with a length', 'HEAD', [`HTTP/1.1 200 OK\r\n${length}\r\n`]],
    ['a HEAD of a chunked response', 'HEAD', ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n']],
    ['a 2xx whose head is cut', 'GET', ['HTTP/1.1 2', '0', '0 OK\r\nContent-Length: 2\r\n\r\nok']],
  ])('%s', async (_name, method, answer) => {
    const { address, connections } = await noting(...answer)
    const gateway = await startGateway([address])
    const seen: number[] = []
    for (let number = 0; number < 4; number++) seen.push(await statusOf(gateway, method))
    expect(new Set(seen).size).toBe(1)
    expect(connections.size).toBe(1)
    expect(gateway.lb.inspect('service').instances[0]).toMatchObject({ succeeded: 4, failed: 0 })
  })

  it('a POST', async () => {
    const { address, connections } = await noting('HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok')
    const gateway = await startGateway([address])
    for (let number = 0; number < 4; number++) expect(await statusOf(gateway, 'POST')).toBe(201)
    expect(connections.size).toBe(1)
  })
})

describe('a body that must not be there', () => {
  const next = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'

  it.each([
    ['HEAD', `HTTP/1.1 200 OK\r\nContent-Length: ${next.length}\r\n\r\n`],
    ['GET', `HTTP/1.1 304 Not Modified\r\nContent-Length: ${next.length}\r\n\r\n`],
    ['GET', `HTTP/1.1 204 No Content\r\nContent-Length: ${next.length}\r\n\r\n`],
  ])('is not taken for the response to the next request: %s %j', async (method, head) => {
    let connections = 0
    const address = await startRawInstance((socket, received) => {
      if (socket.bytesRead === Buffer.byteLength(received)) connections++
      socket.write(received.includes(' /good ') ? 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood' : head + next)
    })
    const { port } = await startGateway([address])
    const bytes = `${method} /bad HTTP/1.1\r\nHost: a\r\n\r\nGET /good HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
    const received = await exchangeBytes(port, bytes, 2_000)
    expect(received).not.toContain('evil')
    expect(received).toMatch(/good$/)
    expect(connections).toBe(2)
  })
})

describe('a header of a response', () => {
  const fields = Array.from({ length: 20 }, (_, index) => `X-${index}: ${'x'.repeat(1_000)}\r\n`).join('')

  it('that is over the limit is called so, asked for once, and ejects no instance', async () => {
    const answer = `HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`
    const [one, other] = [await noting(answer), await noting(answer)]
    const errors: ProxyError[] = []
    const gateway = await startGateway([one.address, other.address], {
      proxy: { onError: (error) => errors.push(error) },
    })
    for (let number = 0; number < 20; number++) expect(await statusOf(gateway, 'GET')).toBe(502)
    expect(one.connections.size + other.connections.size).toBe(20)
    expect(errors[0]).toMatchObject({
      code: 'LB_RESPONSE_HEADER_TOO_LONG',
      cause: { code: 'UND_ERR_HEADERS_OVERFLOW' },
    })
    expect(gateway.lb.inspect('service').instances.map(({ state }) => state)).toEqual(['available', 'available'])
    const response = await fetch(gateway.url)
    expect(await response.json()).toMatchObject({
      detail: 'The header of the response is longer than pool.maxHeaderBytes.',
    })
  })

  it('passes when so many bytes are allowed, of a 304 too', async () => {
    for (const status of ['200 OK', '304 Not Modified']) {
      const { address, connections } = await noting(`HTTP/1.1 ${status}\r\n${fields}Content-Length: 0\r\n\r\n`)
      const gateway = await startGateway([address], { proxy: { pool: { maxHeaderBytes: 65_536 } } })
      for (let number = 0; number < 3; number++)
        expect(await statusOf(gateway, 'GET')).toBe(Number.parseInt(status, 10))
      expect(connections.size).toBe(1)
    }
  })
})

describe('a limit of connections', () => {
  it('makes requests wait, and refuses those that wait too long', async () => {
    const waiting: (() => void)[] = []
    let connections = 0
    const instance = await startInstance((_request, response) => void waiting.push(() => response.end('ok')))
    const gateway = await startGateway([instance], {
      proxy: { pool: { connections: 1 }, connectTimeoutMs: 500 },
      before: (_request, _response, next) => {
        connections++
        next()
      },
    })
    const first = statusOf(gateway, 'GET')
    await vi.waitFor(() => expect(waiting).toHaveLength(1))
    const second = fetch(gateway.url)
    expect((await second).status).toBe(503)
    const third = statusOf(gateway, 'GET')
    await vi.waitFor(() => expect(connections).toBe(3))
    waiting[0]?.()
    await vi.waitFor(() => expect(waiting).toHaveLength(2))
    waiting[1]?.()
    expect(await Promise.all([first, third])).toEqual([200, 200])
    expect(gateway.lb.inspect('service').instances[0]).toMatchObject({ state: 'available', failed: 0 })
  })
})
