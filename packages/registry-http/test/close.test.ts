import type { Server } from 'node:net'
import { promisify } from 'node:util'
import { LoadBalancerClosedError } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { clientOf, closeAll, deadUrl, startServer } from './loopback-server.ts'

afterEach(closeAll)

const get = { method: 'GET', path: '/' } as const

const connectionsOf = (server: Server): Promise<number> => promisify(server.getConnections.bind(server))()

/** A signal that counts its listeners. */
function countedSignal(): { signal: AbortSignal; controller: AbortController; listeners: () => number } {
  const controller = new AbortController()
  const { signal } = controller
  const added = vi.spyOn(signal, 'addEventListener')
  const removed = vi.spyOn(signal, 'removeEventListener')
  return { signal, controller, listeners: () => added.mock.calls.length - removed.mock.calls.length }
}

describe('close', () => {
  it('rejects what is under way and what comes later, and ends every connection', async () => {
    const clock = new FakeClock()
    const { url, asked, server } = await startServer((request, response) => {
      if (request.url === '/stream') response.write('line\n')
      if (request.url === '/kept') response.end()
    })
    const client = clientOf([url], { clock })
    await client.request({ ...get, path: '/kept' })
    const request = client.request(get).catch((cause: unknown) => cause)
    const headless = client.stream(get).catch((cause: unknown) => cause)
    const lines = (await client.stream({ ...get, path: '/stream', idleTimeoutMs: 1_000 })).lines()
    expect((await lines.next()).value).toBe('line')
    const next = lines.next().catch((cause: unknown) => cause)
    const unread = await client.stream({ ...get, path: '/stream' })
    await vi.waitFor(() => expect(asked).toHaveLength(5))
    await client.close()
    for (const rejected of [request, headless, next]) expect(await rejected).toBeInstanceOf(LoadBalancerClosedError)
    await expect(unread.text()).rejects.toThrow('TestDiscovery was closed')
    await expect(client.request(get)).rejects.toBeInstanceOf(LoadBalancerClosedError)
    await expect(client.stream(get)).rejects.toBeInstanceOf(LoadBalancerClosedError)
    await vi.waitFor(async () => expect(await connectionsOf(server)).toBe(0))
    expect(clock.pendingTimers).toBe(0)
    expect(asked).toHaveLength(5)
    expect(client.close()).toBe(client.close())
  })
})

describe('the signal of the caller', () => {
  it('that is aborted already rejects with its reason, and nothing is asked', async () => {
    const { url, asked } = await startServer((_request, response) => response.end())
    const reason = new Error('enough')
    const client = clientOf([url])
    await expect(client.request({ ...get, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(client.stream({ ...get, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(asked).toEqual([])
  })

  it('ends the request, and no other server is asked', async () => {
    const [first, second] = [await startServer(() => {}), await startServer(() => {})]
    const ended = new Promise((resolve) => {
      first.server.on('connection', (socket) => socket.on('close', resolve))
    })
    const { signal, controller, listeners } = countedSignal()
    const answer = clientOf([first.url, second.url]).request({ ...get, signal })
    const rejected = answer.catch((cause: unknown) => cause)
    await vi.waitFor(() => expect(first.asked).toHaveLength(1))
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await rejected).toBe(reason)
    await ended
    expect(second.asked).toEqual([])
    expect(listeners()).toBeLessThanOrEqual(0)
  })

  it('has no listener left after a request, a failure, a stream, or a refused call', async () => {
    const { url } = await startServer((_request, response) => response.end('one\ntwo'))
    const client = clientOf([url])
    const { signal, listeners } = countedSignal()
    for (let count = 0; count < 5; count++) {
      await client.request({ ...get, signal })
      for await (const line of (await client.stream({ ...get, signal })).lines()) expect(line).toMatch(/one|two/)
      for await (const line of (await client.stream({ ...get, signal })).lines()) if (line === 'one') break
      await (await client.stream({ ...get, signal })).text()
      await clientOf([deadUrl()])
        .request({ ...get, signal })
        .catch(() => {})
      await clientOf([deadUrl()])
        .stream({ ...get, signal })
        .catch(() => {})
      await client.request({ ...get, path: 'bad', signal }).catch(() => {})
      await client.request({ ...get, server: 'http://other', signal }).catch(() => {})
      await client.request({ ...get, timeoutMs: -1, signal }).catch(() => {})
    }
    expect(listeners()).toBe(0)
  })
})

describe('a thousand requests', () => {
  it('leave no connection, timer or listener behind', async () => {
    const clock = new FakeClock()
    const { url, server } = await startServer((request, response) => {
      if (request.url === '/break') response.destroy()
      else response.end('x'.repeat(10_000))
    })
    const client = clientOf([url], { clock, maxConnections: 8 })
    const { signal, listeners } = countedSignal()
    for (let round = 0; round < 10; round++) {
      const paths = Array.from({ length: 100 }, (_, index) => (index % 10 === 0 ? '/break' : '/'))
      await Promise.allSettled(paths.map((path) => client.request({ ...get, path, signal })))
    }
    expect(listeners()).toBe(0)
    expect(clock.pendingTimers).toBe(0)
    await client.close()
    await vi.waitFor(async () => expect(await connectionsOf(server)).toBe(0))
  })
})
