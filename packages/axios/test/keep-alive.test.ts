import { Agent, createServer, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { LoadBalancer, type LoadBalancerEvent, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import axios, { type AxiosInstance, type AxiosRequestConfig } from 'axios'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadBalance } from '../src/index.ts'

const url = 'http://user-service/x'

let discovery: StaticDiscovery
let lb: LoadBalancer
let client: AxiosInstance
let finished: (LoadBalancerEvent & { type: 'request-finished' })[]

beforeEach(() => {
  discovery = new StaticDiscovery()
  lb = new LoadBalancer({ discovery, retry: { backoffBaseMs: 1 } })
  finished = []
  lb.subscribe((event) => {
    if (event.type === 'request-finished') finished.push(event)
  })
  client = loadBalance(axios.create(), lb)
})

afterEach(() => lb.close())

async function eventually(value: () => unknown, expected: unknown): Promise<void> {
  await expect.poll(value, { interval: 2, timeout: 20_000 }).toEqual(expected)
}

const inFlight = (): number => lb.inspect('user-service').inFlight

describe('connections', () => {
  let backends: [LoopbackBackend, LoopbackBackend]

  beforeEach(async () => {
    backends = [await LoopbackBackend.start({ id: 'a' }), await LoopbackBackend.start({ id: 'b' })]
    discovery.set(
      'user-service',
      backends.map(({ address }) => address),
    )
  })

  afterEach(() => Promise.all(backends.map((backend) => backend.stop())))

  const connections = (): number[] => backends.map((backend) => backend.connections)

  it('are reused', async () => {
    for (let number = 0; number < 20; number++) await client.get(url)
    expect(connections()).toEqual([1, 1])
    await Promise.all(Array.from({ length: 10 }, () => client.post(url, 'x')))
    expect(connections()).toEqual([5, 5])
  })

  it('are shared by every client', async () => {
    for (let number = 0; number < 10; number++) await loadBalance(axios.create(), lb).get(url)
    expect(connections()).toEqual([1, 1])
  })

  it('to an instance that is removed are closed when idle, those to others stay', async () => {
    await Promise.all(Array.from({ length: 6 }, () => client.get(url)))
    expect(connections()).toEqual([3, 3])
    discovery.set('user-service', [backends[1].address])
    await eventually(connections, [0, 3])
    expect((await client.get(url)).data.id).toBe('b')
  })

  it('to an instance that is removed are closed when its last request has finished', async () => {
    discovery.set('user-service', [backends[0].address])
    backends[0].script = { latencyMs: 50 }
    const sent = client.get(url)
    await eventually(() => backends[0].requests.length, 1)
    discovery.set('user-service', [backends[1].address])
    expect((await sent).data.id).toBe('a')
    await eventually(connections, [0, 0])
  })

  it('to an instance written in another way are closed too', async () => {
    discovery.set('user-service', [{ host: 'LOCALHOST', port: backends[0].port }])
    await client.get(url)
    expect(connections()).toEqual([1, 0])
    discovery.set('user-service', [backends[1].address])
    await eventually(connections, [0, 0])
  })

  it('are all closed when idle after the load balancer is closed', async () => {
    await Promise.all(Array.from({ length: 4 }, () => client.get(url)))
    expect(connections()).toEqual([2, 2])
    await lb.close()
    await eventually(connections, [0, 0])
  })

  it('that were known before the client was made are closed too', async () => {
    await lb.ready('user-service')
    const later = loadBalance(axios.create(), lb)
    await later.get(url)
    await later.get(url)
    discovery.set('user-service', [])
    await lb.close()
    await eventually(connections, [0, 0])
  })

  it('with another agent are the business of the caller', async () => {
    const httpAgent = new Agent({ keepAlive: true })
    await client.get(url, { httpAgent })
    await client.get(url, { httpAgent })
    await lb.close()
    expect(Object.values(httpAgent.freeSockets).flat()).toHaveLength(2)
    expect(connections()).toEqual([1, 1])
    httpAgent.destroy()
  })
})

it('does not cut off a response that is slower than the idle limit of 1 s', async () => {
  await using backend = await LoopbackBackend.start({ id: 'slow' })
  discovery.set('user-service', [backend.address])
  // The second request of each kind takes over a connection that was idle, with its idle timer.
  backend.script = ({ url: path }) => (path === '/slow' ? { latencyMs: 1_300 } : {})
  await Promise.all([client.get(url), client.get(url), client.get(url)])
  const slow = 'http://user-service/slow'
  const configs: AxiosRequestConfig[] = [
    {},
    { timeout: 20_000 },
    { maxRedirects: 0 },
    { timeout: 20_000, maxRedirects: 0 },
  ]
  const responses = await Promise.all([
    ...configs.map((config) => client.get(slow, config)),
    client.get(slow, { transport: { request } }),
  ])
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
})

describe('listeners', () => {
  let backend: LoopbackBackend

  beforeEach(async () => {
    backend = await LoopbackBackend.start({ id: 'a' })
    discovery.set('user-service', [backend.address])
  })

  afterEach(() => backend.stop())

  function counted(signal: AbortSignal): () => number {
    let count = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    Object.assign(signal, {
      addEventListener: (...args: Parameters<typeof add>) => {
        count++
        add(...args)
      },
      removeEventListener: (...args: Parameters<typeof remove>) => {
        count--
        remove(...args)
      },
    })
    return () => count
  }

  it.each<[string, AxiosRequestConfig]>([
    ['a signal', {}],
    ['a signal and a token', { cancelToken: axios.CancelToken.source().token }],
  ])('on %s are removed after success, failure, a retry and a redirect', async (_name, config) => {
    const { signal } = new AbortController()
    const count = counted(signal)
    await client.get(url, { ...config, signal })
    expect(count()).toBe(0)
    backend.script = { status: 503 }
    await expect(client.get(url, { ...config, signal })).rejects.toThrow()
    expect(count()).toBe(0)
    backend.script = ({ url: path }) =>
      path === '/x' ? { status: 302, headers: { location: 'http://user-service/y' } } : {}
    await client.get(url, { ...config, signal })
    expect(count()).toBe(0)
    backend.script = {}
    const { data } = await client.get(url, { ...config, signal, responseType: 'stream' })
    await text(data)
    await eventually(count, 0)
  })

  it('are not so many that Node warns, with one signal for 50 requests', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', warned)
    const { signal } = new AbortController()
    for (let number = 0; number < 50; number++) await client.get(url, { signal, timeout: 20_000 })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', warned)
    expect(warnings).toEqual([])
    expect(backend.connections).toBe(1)
  })
})

describe('a response that is streamed', () => {
  let server: Server
  let responses: ServerResponse[]
  let sockets: Set<Socket>

  beforeEach(async () => {
    responses = []
    sockets = new Set()
    server = createServer((_request, response) => {
      responses.push(response)
      response.write('first')
    })
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    discovery.set('user-service', [`127.0.0.1:${(server.address() as AddressInfo).port}`])
  })

  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const outcomes = (): boolean[] => finished.map(({ outcome }) => outcome.ok)

  it('is in flight until it was read to its end, and its connection is used again', async () => {
    const { data } = await client.get(url, { responseType: 'stream' })
    expect(inFlight()).toBe(1)
    const read = text(data)
    expect(outcomes()).toEqual([])
    responses[0]?.end(' last')
    expect(await read).toBe('first last')
    await eventually(inFlight, 0)
    expect(outcomes()).toEqual([true])
    const next = client.get(url)
    await eventually(() => responses.length, 2)
    responses[1]?.end()
    await next
    expect(sockets.size).toBe(1)
  })

  it('is done, as a success, when the reader gives it up', async () => {
    const { data } = await client.get(url, { responseType: 'stream' })
    data.destroy()
    await eventually(inFlight, 0)
    expect(outcomes()).toEqual([true])
    await eventually(() => sockets.size, 0)
  })

  it('is done, as a failure, when the server breaks off', async () => {
    const { data } = await client.get(url, { responseType: 'stream' })
    const read = text(data)
    responses[0]?.destroy()
    await expect(read).rejects.toThrow('aborted')
    await eventually(inFlight, 0)
    expect(outcomes()).toEqual([false])
  })

  it('is done when the reader is as slow as can be and the server breaks off', async () => {
    await client.get(url, { responseType: 'stream' })
    responses[0]?.destroy()
    await eventually(inFlight, 0)
    expect(outcomes()).toEqual([false])
  })

  it('is no failure of the instance when it is beyond maxContentLength', async () => {
    const { data } = await client.get(url, { responseType: 'stream', maxContentLength: 3 })
    await expect(text(data)).rejects.toThrow('maxContentLength')
    await eventually(inFlight, 0)
    expect(outcomes()).toEqual([true])
  })

  it.each<[string, () => [AxiosRequestConfig, () => void]]>([
    [
      'signal',
      () => {
        const controller = new AbortController()
        return [{ signal: controller.signal }, () => controller.abort()]
      },
    ],
    [
      'token',
      () => {
        const source = axios.CancelToken.source()
        return [{ cancelToken: source.token }, () => source.cancel()]
      },
    ],
  ])('ends, and is done, when the caller aborts by %s while it is read', async (_name, create) => {
    for (const adapter of ['http', 'fetch'] as const) {
      const [config, end] = create()
      const { data } = await loadBalance(axios.create({ adapter }), lb).get(url, { ...config, responseType: 'stream' })
      const read = text(data)
      expect(inFlight()).toBe(1)
      end()
      await expect(read).rejects.toMatchObject({ code: 'ERR_CANCELED' })
      await eventually(inFlight, 0)
      await eventually(() => sockets.size, 0)
    }
    expect(outcomes()).toHaveLength(2)
  })

  it('by the fetch adapter is in flight until it was read to its end', async () => {
    const { data } = await loadBalance(axios.create({ adapter: 'fetch' }), lb).get(url, { responseType: 'stream' })
    expect(inFlight()).toBe(1)
    responses[0]?.end()
    expect(await text(data)).toBe('first')
    await eventually(inFlight, 0)
    expect(outcomes()).toEqual([true])
  })
})
