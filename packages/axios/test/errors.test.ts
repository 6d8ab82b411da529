import { inspect } from 'node:util'
import {
  DiscoveryError,
  LoadBalancer,
  LoadBalancerClosedError,
  type LoadBalancerEvent,
  type LoadBalancerOptions,
  NoAvailableInstanceError,
  StaticDiscovery,
} from '@lb/core'
import { FakeClock, FakeDiscovery, LoopbackBackend } from '@lb/testing'
import axios, { AxiosError, type AxiosInstance, type AxiosRequestConfig } from 'axios'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isLoadBalancedError, type LoadBalancedError, loadBalance, loadBalancedAdapter } from '../src/index.ts'

const url = 'http://user-service/x'

let backends: [LoopbackBackend, LoopbackBackend, LoopbackBackend]
let lb: LoadBalancer
let client: AxiosInstance

beforeEach(async () => {
  backends = [
    await LoopbackBackend.start({ id: 'a' }),
    await LoopbackBackend.start({ id: 'b' }),
    await LoopbackBackend.start({ id: 'c' }),
  ]
  use()
})

afterEach(async () => {
  await lb.close()
  await Promise.all(backends.map((backend) => backend.stop()))
})

const addresses = (): string[] => backends.map(({ address }) => address)

function use(options: Partial<LoadBalancerOptions> = {}): void {
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({ 'user-service': addresses() }),
    retry: { backoffBaseMs: 1 },
    random: () => 0,
    ...options,
  })
  client = loadBalance(axios.create(), lb)
}

async function failure(config: AxiosRequestConfig): Promise<LoadBalancedError> {
  const error: unknown = await client.request(config).catch((reason: unknown) => reason)
  if (!isLoadBalancedError(error)) throw new Error('expected a LoadBalancedError', { cause: error })
  return error
}

const attempted = ({ loadBalancer }: LoadBalancedError): unknown[] =>
  loadBalancer.attempts.map(({ instance, error }) => [instance.id, (error as AxiosError).code])

describe('the error of a request to a service', () => {
  it('is an AxiosError with the code of the transport, and tells every attempt in order', async () => {
    const [a, b, c] = addresses()
    await backends[0].stop()
    backends[1].script = { fault: 'reset' }
    await backends[2].stop()
    const error = await failure({ url })
    expect(error).toBeInstanceOf(AxiosError)
    expect(error).toMatchObject({ code: 'ECONNREFUSED', config: { url }, loadBalancer: { service: 'user-service' } })
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' })
    expect(attempted(error)).toEqual([
      [a, 'ECONNREFUSED'],
      [b, 'ECONNRESET'],
      [c, 'ECONNREFUSED'],
    ])
    expect(error.loadBalancer.attempts.at(-1)?.error).toBe(error)
  })

  it('has the response of the last attempt', async () => {
    for (const backend of backends) backend.script = { status: 503, body: `{"from":"${backend.id}"}` }
    const error = await failure({ url })
    expect(error).toMatchObject({ code: 'ERR_BAD_RESPONSE', status: 503, response: { data: { from: 'c' } } })
    expect(error.response?.config.url).toBe(url)
    expect(error.loadBalancer.attempts).toHaveLength(3)
  })

  it('of one attempt tells that one', async () => {
    backends[0].script = { status: 404 }
    const error = await failure({ url })
    expect(attempted(error)).toEqual([[backends[0].address, 'ERR_BAD_REQUEST']])
  })

  it('tells that no instance is available', async () => {
    const error = await failure({ url: 'http://nobody/x' })
    expect(error).toMatchObject({
      name: 'AxiosError',
      code: 'LB_NO_AVAILABLE_INSTANCE',
      config: { url: 'http://nobody/x' },
    })
    expect(error.message).toMatch(/^nobody: no available instance/)
    expect(error.cause).toBeInstanceOf(NoAvailableInstanceError)
    expect(error.loadBalancer).toEqual({ service: 'nobody', attempts: [] })
    expect(Object.keys(error)).not.toContain('cause')
  })

  it('tells that the discovery fails', async () => {
    await lb.close()
    use({ discovery: new FakeDiscovery(new Error('registry down')), firstListTimeoutMs: 20 })
    const error = await failure({ url })
    expect(error).toMatchObject({ code: 'LB_DISCOVERY', message: expect.stringContaining('registry down') })
    expect(error.cause).toBeInstanceOf(DiscoveryError)
  })

  it('tells that the load balancer was closed', async () => {
    await lb.close()
    const error = await failure({ url })
    expect(error.code).toBe('LB_CLOSED')
    expect(error.cause).toBeInstanceOf(LoadBalancerClosedError)
  })

  it('can be printed as JSON', async () => {
    await Promise.all(backends.map((backend) => backend.stop()))
    const error = await failure({ url })
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: 'ECONNREFUSED', config: { url } })
    expect(() => JSON.stringify(error.loadBalancer)).not.toThrow()
  })

  it('is no LoadBalancedError when the request was not for a service', async () => {
    await backends[0].stop()
    const error: unknown = await client.get(backends[0].url).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    expect(isLoadBalancedError(error)).toBe(false)
  })
})

describe('a time limit', () => {
  it('of the service is a timeout, with its own message', async () => {
    await lb.close()
    use({ timeoutMs: 60 })
    for (const backend of backends) backend.script = { fault: 'black-hole' }
    const error = await failure({ url, timeout: 5_000 })
    expect(error).toMatchObject({ code: 'ECONNABORTED', message: 'user-service: the call took longer than 60 ms' })
    expect(error.cause).toMatchObject({ code: 'LB_DEADLINE_EXCEEDED' })
    expect(attempted(error)).toEqual([[backends[0].address, 'LB_DEADLINE_EXCEEDED']])
  })

  it.each([
    [{ transitional: { clarifyTimeoutError: true } }, { code: 'ETIMEDOUT' }],
    [{ timeoutErrorMessage: 'too slow' }, { code: 'ECONNABORTED', message: 'too slow' }],
  ])('of the service follows %o', async (config, expected) => {
    await lb.close()
    use({ timeoutMs: 60 })
    for (const backend of backends) backend.script = { fault: 'black-hole' }
    expect(await failure({ url, ...config })).toMatchObject(expected)
  })

  it('of an attempt moves on, and is told for each', async () => {
    await lb.close()
    use({ retry: { backoffBaseMs: 1, attemptTimeoutMs: 40 } })
    for (const backend of backends) backend.script = { fault: 'black-hole' }
    const error = await failure({ url })
    expect(error.code).toBe('ECONNABORTED')
    expect(attempted(error)).toEqual(addresses().map((address) => [address, 'LB_DEADLINE_EXCEEDED']))
  })

  it('of the caller is told whole, whatever the attempts before left of it', async () => {
    await lb.close()
    const clock = new FakeClock()
    // Neither attempt is left because it waits, as one of two instances that are silent may be.
    use({ clock, retry: { maxRetries: 1, secondTryAfterMs: Number.POSITIVE_INFINITY } })
    let fail = (): void => {}
    backends[0].script = {
      raw: (socket) => {
        fail = () => void socket.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
      },
    }
    backends[1].script = { fault: 'black-hole' }
    // Long enough for the first attempt, also where the machine is busy; the second one has little left.
    const failed = failure({ url, timeout: 5_000 })
    await expect.poll(() => backends[0].requests.length, { interval: 2, timeout: 4_000 }).toBe(1)
    await clock.advance(4_000)
    fail()
    const backedOff = async (): Promise<number> => {
      await clock.advance(1)
      return backends[1].requests.length
    }
    await expect.poll(backedOff, { interval: 2, timeout: 4_000 }).toBe(1)
    const error = await failed
    expect(error).toMatchObject({
      code: 'ECONNABORTED',
      message: 'timeout of 5000ms exceeded',
      config: { timeout: 5_000 },
    })
    expect(attempted(error)).toEqual([
      [backends[0].address, 'ERR_BAD_RESPONSE'],
      [backends[1].address, 'ECONNABORTED'],
    ])
  })
})

describe('an error that is the fault of the caller', () => {
  it.each<[string, AxiosRequestConfig]>([
    ['a body that is too large', { method: 'put', data: 'x'.repeat(101), maxBodyLength: 100 }],
    ['a response that is too large', { maxContentLength: 10 }],
    ['params that cannot be written', { params: { a: 1 }, paramsSerializer: { serialize: () => assertNever() } }],
  ])('is not repeated, and counts for no instance: %s', async (_name, config) => {
    const error = await failure({ url, ...config })
    expect(error.loadBalancer.attempts).toHaveLength(1)
    expect(lb.inspect('user-service').instances.map(({ failed }) => failed)).toEqual([0, 0, 0])
  })

  it('is an adapter that does not exist: no instance is asked', async () => {
    client = loadBalance(axios.create(), lb, { adapter: 'pigeon' as 'http' })
    await expect(client.get(url)).rejects.toThrow("Unknown adapter 'pigeon'")
    expect(lb.inspect()).toEqual([])
  })

  it('is what hashKey or idempotent throws', async () => {
    client = loadBalance(axios.create(), lb, { hashKey: assertNever })
    await expect(client.get(url)).rejects.toThrow('cannot be')
    client = loadBalance(axios.create(), lb, { idempotent: assertNever })
    await expect(client.get(url)).rejects.toThrow('cannot be')
  })
})

function assertNever(): never {
  throw new Error('cannot be')
}

describe('what events tell of failed requests', () => {
  const secret = 'Bearer c2VjcmV0'

  it.each<[string, AxiosRequestConfig]>([
    ['a header', { headers: { Authorization: secret, Cookie: secret } }],
    ['the body', { method: 'put', data: { token: secret } }],
    ['a streamed response', { headers: { Authorization: secret }, responseType: 'stream' }],
    ['a body beyond its limit', { method: 'put', data: formOf(secret), maxBodyLength: 10 }],
  ])('holds no secret of %s', async (_name, config) => {
    const events: LoadBalancerEvent[] = []
    lb.subscribe((event) => events.push(event))
    backends[0].script = { status: 503, body: secret }
    backends[1].script = { fault: 'reset' }
    await backends[2].stop()
    await failure({ url, ...config })
    await expect.poll(() => events.some(({ type }) => type === 'request-finished')).toBe(true)
    const told = inspect(events, { depth: 20, showHidden: true }) + JSON.stringify(events)
    expect(told).toContain('user-service')
    expect(told).not.toContain('c2VjcmV0')
  })

  it('is the code, the message and the cause', async () => {
    const outcomes: unknown[] = []
    lb.subscribe((event) => {
      if (event.type === 'request-finished') outcomes.push(event.outcome.error)
    })
    await Promise.all(backends.map((backend) => backend.stop()))
    await failure({ url, method: 'post' })
    expect(outcomes).toHaveLength(3)
    expect(outcomes[0]).toMatchObject({
      code: 'ECONNREFUSED',
      message: `connect ECONNREFUSED ${backends[0].address}`,
      cause: { syscall: 'connect' },
    })
  })
})

function formOf(value: string): FormData {
  const form = new FormData()
  form.append('token', value)
  return form
}

describe('the response of an attempt that is repeated', () => {
  it.each([true, false])('keeps no connection when it was a stream (accepted: %s)', async (accepted) => {
    backends[0].script = { status: 503, headers: { 'content-length': '100000' }, body: 'x'.repeat(50_000) }
    const response = await client.get(url, {
      responseType: 'stream',
      validateStatus: (status) => accepted || status < 300,
    })
    expect(response.status).toBe(200)
    response.data.destroy()
    await expect.poll(() => backends[0].connections, { interval: 2 }).toBe(0)
  })
})

describe('loadBalancedAdapter', () => {
  it.each<[string, unknown[]]>([
    ['loadBalancedAdapter.lb', [undefined]],
    ['loadBalancedAdapter.lb', [{}]],
    ['loadBalancedAdapter', ['lb', null]],
    ['loadBalancedAdapter', ['lb', 'options']],
    ['loadBalancedAdapter.hostheader', ['lb', { hostheader: 'service' }]],
    ['loadBalancedAdapter.hostHeader', ['lb', { hostHeader: 'name' }]],
    ['loadBalancedAdapter.serviceOf', ['lb', { serviceOf: 'user-service' }]],
    ['loadBalancedAdapter.hashKey', ['lb', { hashKey: 'id' }]],
    ['loadBalancedAdapter.idempotent', ['lb', { idempotent: true }]],
  ])('refuses a bad %s', (option, [given, ...rest]) => {
    const create = (): unknown => Reflect.apply(loadBalancedAdapter, undefined, [given === 'lb' ? lb : given, ...rest])
    expect(create).toThrow(expect.objectContaining({ code: 'LB_INVALID_OPTION', option }))
  })
})

describe('loadBalance', () => {
  it.each<[string, (instance: AxiosInstance) => unknown[]]>([
    ['loadBalance.client', () => [undefined, lb]],
    ['loadBalance.lb', (instance) => [instance]],
    ['loadBalance', (instance) => [instance, lb, null]],
    ['loadBalance.hostHeader', (instance) => [instance, lb, { hostHeader: 1 }]],
  ])('refuses a bad %s, and leaves the client as it was', (option, args) => {
    const instance = axios.create()
    const { adapter } = instance.defaults
    const install = (): unknown => Reflect.apply(loadBalance, undefined, args(instance))
    expect(install).toThrow(expect.objectContaining({ code: 'LB_INVALID_OPTION', option }))
    expect(instance.defaults.adapter).toBe(adapter)
  })

  it('gives the client back, and can be used on it twice', async () => {
    const instance = axios.create()
    expect(loadBalance(loadBalance(instance, lb), lb)).toBe(instance)
    expect((await instance.get(url)).data.url).toBe('/x')
  })
})
