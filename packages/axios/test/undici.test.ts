import { AsyncLocalStorage } from 'node:async_hooks'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import axios, { type AxiosInstance, type AxiosRequestConfig } from 'axios'
import { Pool } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadBalance } from '../src/index.ts'
import type { UndiciPool } from '../src/undici-transport.ts'

let backend: LoopbackBackend
let discovery: StaticDiscovery
let lb: LoadBalancer
let client: AxiosInstance
let dispatched: string[]

/** undici's pool, which notes what it is asked to send. */
class NotingPool implements UndiciPool {
  readonly #pool: Pool

  constructor(origin: string, options: Record<string, unknown>) {
    this.#pool = new Pool(origin, options)
  }

  dispatch(request: never, handler: never): boolean {
    dispatched.push((request as { path: string }).path)
    return this.#pool.dispatch(request, handler)
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

const undici = { Pool: NotingPool }

beforeEach(async () => {
  backend = await LoopbackBackend.start({ id: 'a' })
  discovery = new StaticDiscovery({ 'user-service': [backend.address] })
  lb = new LoadBalancer({ discovery })
  dispatched = []
  client = loadBalance(axios.create(), lb, { undici })
})

afterEach(async () => {
  await lb.close()
  await backend.stop()
})

const eventually = (value: () => unknown, expected: unknown): Promise<void> =>
  expect.poll(value, { interval: 2, timeout: 20_000 }).toEqual(expected)

describe('pool', () => {
  it('says how the connections are kept; clients with the same options share them', async () => {
    const opened: Record<string, unknown>[] = []
    class OpenedPool extends NotingPool {
      constructor(origin: string, options: Record<string, unknown>) {
        super(origin, options)
        opened.push(options)
      }
    }
    const over = { Pool: OpenedPool }
    for (const pool of [undefined, { connections: 2 }, { connections: 2 }]) {
      await loadBalance(axios.create(), lb, { undici: over, pool }).get('http://user-service/')
    }
    // The first is that of the other clients.
    expect(opened).toEqual([
      expect.objectContaining({ connections: 2, keepAliveTimeout: 1_000, keepAliveMaxTimeout: 60_000 }),
    ])
  })

  it('needs undici, and legal values', () => {
    expect(() => loadBalance(axios.create(), lb, { pool: {} })).toThrow('pool must be absent without undici')
    expect(() => loadBalance(axios.create(), lb, { undici, pool: { connections: 0 } })).toThrow('pool.connections')
  })
})

describe('with undici', () => {
  it.each<[string, AxiosRequestConfig]>([
    ['a GET', {}],
    ['a body', { method: 'post', data: { a: 1 } }],
    ['basic auth', { auth: { username: 'u', password: 'p' } }],
    ['a time limit and a signal', { timeout: 20_000, signal: new AbortController().signal }],
    ['bytes', { responseType: 'arraybuffer' }],
    ['a form', { method: 'post', data: { a: 1 }, headers: { 'Content-Type': 'multipart/form-data' } }],
  ])('%s goes over its connections', async (_name, config) => {
    const { request, status } = await client.request({ url: 'http://user-service/x', params: { q: 'a b' }, ...config })
    expect(status).toBe(200)
    expect(dispatched).toEqual(['/x?q=a+b'])
    expect(request.res.responseUrl).toBe(`http://${backend.address}/x?q=a+b`)
    expect(request.getHeader('accept-encoding')).toMatch(/gzip/)
  })

  it.each<[string, AxiosRequestConfig]>([
    ['a stream', { responseType: 'stream' }],
    ['progress', { onDownloadProgress: () => {} }],
    ['a form of the platform', { method: 'post', data: new FormData() }],
    ['a field about the connection', { headers: { Connection: 'close' } }],
    ['a field that axios rewrites', { headers: { 'X-Name': 'Zoë ☃' } }],
    ['a HEAD', { method: 'head' }],
  ])('%s does not', async (_name, config) => {
    const { status } = await client.request({ url: 'http://user-service/x', ...config })
    expect(status).toBe(200)
    expect(dispatched).toEqual([])
  })

  it('connections are shared by the clients of a load balancer', async () => {
    for (let number = 0; number < 5; number++)
      await loadBalance(axios.create(), lb, { undici }).get('http://user-service/x')
    // undici lets a connection rest for one turn of the event loop before the next request.
    expect(backend.connections).toBeLessThanOrEqual(2)
  })

  it('connections are closed when an instance keeps its id and moves', async () => {
    const other = await LoopbackBackend.start({ id: 'b' })
    const at = ({ address }: LoopbackBackend): { id: string; host: string; port: number } => {
      const { hostname, port } = new URL(`http://${address}`)
      return { id: 'web-0', host: hostname, port: Number(port) }
    }
    discovery.set('user-service', [at(backend)])
    await client.get('http://user-service/x')
    discovery.set('user-service', [at(other)])
    await client.get('http://user-service/x')
    expect(other.requests).toHaveLength(1)
    await eventually(() => backend.connections, 0)
    await lb.close()
    await eventually(() => other.connections, 0)
    await other.stop()
  })

  it('connections are closed with their instance, and with the load balancer', async () => {
    const other = await LoopbackBackend.start({ id: 'b' })
    await client.get('http://user-service/x')
    discovery.set('user-service', [other.address])
    await client.get('http://user-service/x')
    await eventually(() => backend.connections, 0)
    expect(other.connections).toBe(1)
    await lb.close()
    await eventually(() => other.connections, 0)
    await other.stop()
  })

  it('validateStatus runs in the AsyncLocalStorage store of its own call', async () => {
    const store = new AsyncLocalStorage<number>()
    const seen: unknown[] = []
    const call = (number: number): Promise<unknown> =>
      store.run(number, () =>
        client.get('http://user-service/x', { validateStatus: () => seen.push([number, store.getStore()]) > 0 }),
      )
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 5 }, (_, index) => call(round * 5 + index)))
    }
    expect(seen).toHaveLength(15)
    for (const [number, own] of seen as [number, number][]) expect(own).toBe(number)
  })

  it('what is no undici is refused', () => {
    expect(() => loadBalance(axios.create(), lb, { undici: {} as typeof undici })).toThrow(/loadBalance\.undici/)
  })
})
