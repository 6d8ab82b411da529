import type { Socket } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import axios, { AxiosError, type AxiosInstance, isAxiosError } from 'axios'
import * as undici from 'undici'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isLoadBalancedError, type LoadBalancedAdapterOptions, loadBalance } from '../src/index.ts'

let backends: LoopbackBackend[]
let lb: LoadBalancer
let client: AxiosInstance
let transport: LoadBalancedAdapterOptions = {}

beforeEach(async () => {
  backends = await Promise.all(['a', 'b'].map((id) => LoopbackBackend.start({ id })))
})

afterEach(async () => {
  await lb.close()
  await Promise.all(backends.map((backend) => backend.stop()))
})

function use(options: object): void {
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({ 'user-service': backends.map(({ address }) => address) }),
    retry: { backoffBaseMs: 1, budget: false },
    outlierDetection: false,
    ...options,
  })
  client = loadBalance(axios.create(), lb, transport)
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

describe.each([
  ['axios itself', {}],
  ['undici', { undici }],
])('an answer over %s', (_transport, options) => {
  beforeEach(() => {
    transport = options
    use({})
  })

  it('with a status of failure is decided on at its head, and its connection does not stay', async () => {
    const [stalling, other] = backends as [LoopbackBackend, LoopbackBackend]
    const closed: string[] = []
    stalling.script = {
      raw: (socket: Socket) => {
        socket.once('close', () => closed.push('stalling'))
        socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n')
      },
    }
    other.script = { body: '"good"' }
    expect([await outcome(), await outcome()]).toEqual(['good', 'good'])
    expect(stalling.requests.length).toBeGreaterThan(0)
    await vi.waitFor(() => expect(closed).toHaveLength(stalling.requests.length), 20_000)
    expect(lb.inspect('user-service').inFlight).toBe(0)
  })

  it('that is the last comes whole, with the attempts', async () => {
    every({ status: 503, body: '{"busy":true}' })
    const error: unknown = await client.get('http://user-service/').catch((reason: unknown) => reason)
    expect(isAxiosError(error) && error.response).toMatchObject({ status: 503, data: { busy: true } })
    if (!isLoadBalancedError(error)) throw error
    expect(error.loadBalancer.attempts).toHaveLength(3)
    expect(error.loadBalancer.attempts.at(-1)?.error).toBe(error)
    expect(error.loadBalancer.attempts[0]?.error).toMatchObject({ response: { status: 503 } })
    expect(lb.inspect('user-service').inFlight).toBe(0)
  })

  it('is shown to validateStatus once', async () => {
    every({ status: 404, body: '"none"' })
    const validateStatus = vi.fn(() => true)
    const { status, data } = await client.get('http://user-service/', { validateStatus })
    expect([status, data]).toEqual([404, 'none'])
    expect(validateStatus).toHaveBeenCalledOnce()
  })

  it('can be cancelled while the rest of a failure is awaited', async () => {
    use({ retry: false })
    every({ status: 503, fault: 'stall-in-body' })
    const controller = new AbortController()
    const call = client.get('http://user-service/', { signal: controller.signal })
    await vi.waitFor(() => expect(requests()).toBe(1), 20_000)
    setTimeout(() => controller.abort(), 20)
    await expect(call).rejects.toMatchObject({ code: AxiosError.ERR_CANCELED })
    await vi.waitFor(() => expect(lb.inspect('user-service').inFlight).toBe(0), 20_000)
  })

  it('breaks off as any body does', async () => {
    every({ status: 404, fault: 'reset-in-body' })
    await expect(client.get('http://user-service/')).rejects.toMatchObject({ code: expect.any(String) })
    expect(requests()).toBe(1)
    expect(lb.inspect('user-service').inFlight).toBe(0)
  })
})
