import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import axios, { type AxiosInstance } from 'axios'
import * as undici from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isLoadBalancedError, loadBalance, type Undici } from '../src/index.ts'

const good = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood'

let backends: LoopbackBackend[]
let lb: LoadBalancer
let client: AxiosInstance

beforeEach(async () => {
  backends = await Promise.all(['a', 'b'].map((id) => LoopbackBackend.start({ id })))
  use({})
})

afterEach(async () => {
  await lb.close()
  await Promise.all(backends.map((backend) => backend.stop()))
})

function use(options: object, over: Undici = undici): void {
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({ 'user-service': backends.map(({ address }) => address) }),
    retry: { backoffBaseMs: 1, budget: false },
    outlierDetection: false,
    ...options,
  })
  client = loadBalance(axios.create(), lb, { undici: over })
}

const requests = (): number => backends.reduce((sum, backend) => sum + backend.requests.length, 0)

function every(script: LoopbackBackend['script']): void {
  for (const backend of backends) backend.script = script
}

/** The data of one GET, or the code of its error. */
const outcome = (): Promise<unknown> =>
  client.get('http://user-service/').then(
    ({ data }) => data,
    (error) => error.code,
  )

describe('an answer of undici', () => {
  it.each([200, 404])('with %i fails with what validateStatus throws', async (status) => {
    every({ status })
    const validateStatus = (): boolean => {
      throw new Error('my mistake')
    }
    await expect(client.get('http://user-service/', { validateStatus })).rejects.toThrow('my mistake')
    expect(lb.inspect('user-service').inFlight).toBe(0)
  })

  it('has the first 2 000 fields, as many as node:http says it reads', async () => {
    const fields = Array.from({ length: 2_100 }, (_, index) => `x-${index}: 1\r\n`).join('')
    every({ raw: `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n${fields}\r\ngood` })
    const { data, headers } = await client.get('http://user-service/')
    expect(data).toBe('good')
    expect(Object.keys(headers)).toHaveLength(2_000)
  })

  it('never comes after interim responses without end: the instance is left', async () => {
    const [endless, other] = backends as [LoopbackBackend, LoopbackBackend]
    endless.script = {
      raw: (socket) => {
        const push = (): void => {
          while (!socket.destroyed && socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(50)));
        }
        socket.on('drain', push)
        push()
      },
    }
    other.script = { raw: good }
    expect([await outcome(), await outcome()]).toEqual(['good', 'good'])
  })

  it.each([
    ['a reason phrase', 'HTTP/1.1 200 '],
    ['the extension of a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;'],
  ])('never comes after %s without end: the request fails', { timeout: 10_000 }, async (_what, first) => {
    every({
      raw: (socket) => {
        const push = (): void => {
          while (!socket.destroyed && socket.write('b'.repeat(60_000)));
        }
        socket.on('drain', push)
        socket.write(first)
        push()
      },
    })
    await expect(client.post('http://user-service/', 'x')).rejects.toThrow()
    expect(requests()).toBe(1)
    expect(lb.inspect('user-service').inFlight).toBe(0)
  })

  it('is none with a 100 that was not asked for', async () => {
    every({ raw: `HTTP/1.1 100 Continue\r\n\r\n${good}` })
    expect([await outcome(), await outcome()]).toEqual(['good', 'good'])
    expect(requests()).toBe(2)
  })

  it('after such a 100 is read by axios itself from then on, when undici makes the connections', async () => {
    await lb.close()
    use({}, { Pool: undici.Pool })
    every({ raw: `HTTP/1.1 100 Continue\r\n\r\n${good}` })
    expect([await outcome(), await outcome()]).toEqual(['UND_ERR_SOCKET', 'UND_ERR_SOCKET'])
    expect(requests()).toBe(2)
    expect([await outcome(), await outcome()]).toEqual(['good', 'good'])
    expect(requests()).toBe(4)
  })

  it('is not asked for with fields that the caller disclaims', async () => {
    for (const value of [null, false]) {
      const headers = { 'User-Agent': value, 'Accept-Encoding': value, Accept: value } as never
      const { data } = await client.get('http://user-service/', { headers })
      for (const name of ['user-agent', 'accept-encoding', 'accept']) expect(data.headers).not.toHaveProperty(name)
    }
  })
})

it('gives a connection a few seconds to be made', async () => {
  const given: unknown[] = []
  const Pool = class extends undici.Pool {
    constructor(origin: string, options: Record<string, unknown>) {
      super(origin, options)
      given.push(options)
    }
  }
  await loadBalance(
    axios.create(),
    new LoadBalancer({ discovery: new StaticDiscovery({ s: [backends[0]?.address ?? ''] }) }),
    { undici: { Pool } },
  ).get('http://s/')
  expect(given).toEqual([expect.objectContaining({ connect: { timeout: 3_000 } })])
})

it('moves any request on when a connection could not be made in time', async () => {
  const timedOut = class extends undici.Pool {
    override dispatch(_request: never, handler: undici.Dispatcher.DispatchHandler): boolean {
      handler.onResponseError?.(null as never, new undici.errors.ConnectTimeoutError('Connect Timeout Error'))
      return false
    }
  }
  const alone = new LoadBalancer({
    discovery: new StaticDiscovery({ s: ['127.0.0.1:9', '127.0.0.1:10'] }),
    retry: { backoffBaseMs: 1 },
  })
  const error: unknown = await loadBalance(axios.create(), alone, { undici: { Pool: timedOut } })
    .post('http://s/', 'x')
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'ETIMEDOUT' })
  expect(
    isLoadBalancedError(error) && new Set(error.loadBalancer.attempts.map(({ instance }) => instance.id)).size,
  ).toBe(2)
  await alone.close()
})
