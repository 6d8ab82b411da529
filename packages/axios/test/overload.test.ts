import type { Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import {
  LoadBalancer,
  type LoadBalancerEvent,
  type LoadBalancerOptions,
  OverloadedError,
  StaticDiscovery,
} from '@lb/core'
import { loadReportHeader } from '@lb/core/authoring'
import { LoopbackBackend } from '@lb/testing'
import axios, { AxiosError, AxiosHeaders, type AxiosInstance, type AxiosResponse } from 'axios'
import * as undici from 'undici'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { classify } from '../src/classification.ts'
import {
  isLoadBalancedError,
  type LoadBalancedAdapterOptions,
  type LoadBalancedError,
  type LoadBalancedRequestConfig,
  loadBalance,
} from '../src/index.ts'

const url = 'http://user-service/x'

let backends: [LoopbackBackend, LoopbackBackend]
let lb: LoadBalancer
let client: AxiosInstance
let events: LoadBalancerEvent[]

beforeEach(async () => {
  backends = [await LoopbackBackend.start({ id: 'a' }), await LoopbackBackend.start({ id: 'b' })]
})

afterEach(async () => {
  await lb.close()
  await Promise.all(backends.map((backend) => backend.stop()))
})

function use(options: Partial<LoadBalancerOptions> = {}, addresses = backends.map(({ address }) => address)): void {
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({ 'user-service': addresses }),
    retry: { backoffBaseMs: 1 },
    random: () => 0,
    ...options,
  })
  events = []
  lb.subscribe((event) => events.push(event))
  client = loadBalance(axios.create(), lb)
}

const outcomes = () => events.flatMap((event) => (event.type === 'request-finished' ? [event] : []))

async function failure(request: Promise<unknown>): Promise<LoadBalancedError> {
  const error: unknown = await request.catch((reason: unknown) => reason)
  if (!isLoadBalancedError(error)) throw new Error('expected a LoadBalancedError', { cause: error })
  return error
}

/** The sockets of requests to which the instances do not respond, by their ids. */
function heldBack(): Map<string, Socket> {
  const sockets = new Map<string, Socket>()
  for (const backend of backends) backend.script = { raw: (socket) => sockets.set(backend.id, socket) }
  return sockets
}

/** Sockets give no sign when the other side has seen something. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 2 })

describe('hedging', () => {
  const hedge = { delayMs: 30 }

  it('answers from the second instance, and aborts the request to the first on the wire', async () => {
    use({ hedge })
    backends[0].script = { fault: 'black-hole' }
    const { data, config } = await client.get(url)
    expect([data.id, config.url]).toEqual(['b', url])
    await eventually(() => expect(backends[0].connections).toBe(0))
    expect(outcomes().map(({ outcome: { ok, cancelled = false } }) => [ok, cancelled])).toContainEqual([false, true])
    expect(lb.inspect('user-service').inFlight).toBe(0)
  })

  it('sends nothing twice that may not be repeated, or whose body can be read only once', async () => {
    use({ hedge: { delayMs: 5 } })
    for (const backend of backends) backend.script = { latencyMs: 60 }
    await client.post(url, { pay: 1 })
    await client.put(url, Readable.from(['once']))
    await client.put(url, new PassThrough().end('once'))
    expect(backends.flatMap(({ requests }) => requests.map(({ body }) => body)).sort()).toEqual([
      'once',
      'once',
      '{"pay":1}',
    ])
  })

  it('tells which instance failed how, without the one that was cancelled', async () => {
    use({ hedge, retry: { maxRetries: 0 } })
    // Both instances have a request before either responds, and the second responds once the failure of the first is known.
    const sockets = heldBack()
    const failed = failure(client.get(url))
    await eventually(() => expect(sockets.size).toBe(2))
    sockets.get('a')?.resetAndDestroy()
    await eventually(() => expect(outcomes()).toHaveLength(1))
    sockets.get('b')?.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
    const error = await failed
    expect(
      error.loadBalancer.attempts.map(({ instance, error: cause }) => [instance.id, (cause as AxiosError).code]),
    ).toEqual([
      [backends[0].address, 'ECONNRESET'],
      [backends[1].address, 'ERR_BAD_RESPONSE'],
    ])
    sockets.clear()
    const refused = failure(client.get(url))
    await eventually(() => expect(sockets.size).toBe(2))
    sockets.get('a')?.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
    const refusal = await refused
    // The other one is cancelled by now, and in no list.
    await eventually(() => expect(outcomes()).toHaveLength(4))
    expect(refusal.loadBalancer.attempts).toHaveLength(1)
  })

  it('frees the body of a failure that lost', async () => {
    use({ hedge })
    backends[0].script = { latencyMs: 60, status: 503, body: 'x'.repeat(1_000_000) }
    backends[1].script = { latencyMs: 100, body: 'b' }
    const { data } = await client.get(url, { responseType: 'stream' })
    data.resume()
    await eventually(() => expect(backends[0].connections).toBe(0))
    await eventually(() => expect(lb.inspect('user-service').inFlight).toBe(0))
  })
})

describe('a call that is refused here', () => {
  it('is an AxiosError with the code LB_OVERLOADED and the cause', async () => {
    use({ maxInFlight: 1, queue: false })
    backends[0].script = { latencyMs: 50 }
    const first = client.get(url)
    const error = await failure(client.get(url, { headers: { authorization: 'Bearer secret' } }))
    expect(error).toBeInstanceOf(AxiosError)
    expect(error).toMatchObject({ code: 'LB_OVERLOADED', config: { url }, loadBalancer: { attempts: [] } })
    expect(error.message).toContain('user-service: overloaded')
    expect(error.cause).toBeInstanceOf(OverloadedError)
    expect((await first).status).toBe(200)
  })

  it('waits in the queue by default', async () => {
    use({ maxInFlight: 1 })
    const all = await Promise.all(Array.from({ length: 5 }, () => client.get(url)))
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  })
})

describe.each<[string, LoadBalancedAdapterOptions]>([
  ['axios', {}],
  ['undici', { undici }],
])('the criticality of a request over %s', (_transport, options) => {
  it('goes before that of the client, whose default it is, and the instance gets it', async () => {
    use()
    const defaults: LoadBalancedRequestConfig = { criticality: 'sheddable' }
    const criticality = vi.fn(() => undefined)
    client = loadBalance(axios.create(defaults), lb, { ...options, criticality, criticalityHeader: true })
    const payment: LoadBalancedRequestConfig = { criticality: 'critical' }
    const sent: unknown[] = []
    for (const config of [payment, {}, { criticality: undefined }]) {
      sent.push((await client.get(url, config)).data.headers['x-lb-criticality'])
    }
    expect(sent).toEqual(['critical', 'sheddable', 'sheddable'])
    expect(criticality).not.toHaveBeenCalled()
  })

  it('is not in the config that the caller gets back', async () => {
    use()
    client = loadBalance(axios.create(), lb, { ...options, criticality: 'critical', criticalityHeader: true })
    const { config, data } = await client.get(url)
    expect([config.headers.has('x-lb-criticality'), data.headers['x-lb-criticality']]).toEqual([false, 'critical'])
  })

  it('is refused by name when it is none', async () => {
    use()
    client = loadBalance(axios.create(), lb, { ...options, criticalityHeader: true })
    const config: object = { criticality: 'urgent\r\nx: y' }
    await expect(client.get(url, config)).rejects.toThrow(
      'options.criticality must be one of critical, default, sheddable, got "urgent',
    )
    expect(backends.flatMap(({ requests }) => requests)).toEqual([])
  })
})

describe('what a response says of itself', () => {
  it('is heeded: Retry-After, when nobody else is left', async () => {
    use({ outlierDetection: false }, [backends[0].address])
    const at: number[] = []
    backends[0].script = (_request, number) => {
      at.push(performance.now())
      return number === 1 ? { status: 503, headers: { 'retry-after': '1' } } : {}
    }
    expect((await client.get(url)).status).toBe(200)
    // Timers of Node may be a millisecond early.
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(998)
  })

  it('is heeded: Retry-After beyond the time limit gives the response back', async () => {
    use({}, [backends[0].address])
    backends[0].script = { status: 503, headers: { 'retry-after': '20' } }
    expect(await failure(client.get(url, { timeout: 10_000 }))).toMatchObject({ status: 503 })
    expect(backends[0].requests).toHaveLength(1)
  })

  it('is heeded: load reports, when they are wanted', async () => {
    const headers = { [loadReportHeader]: 'TEXT cpu_utilization=0.5,rps_fractional=10' }
    for (const backend of backends) backend.script = { headers }
    use({ loadReports: {} })
    await client.get(url)
    expect(outcomes()[0]?.outcome.loadReport).toEqual({ cpuUtilization: 0.5, rpsFractional: 10 })
    await lb.close()
    use()
    await client.get(url)
    expect(outcomes()[0]?.outcome.loadReport).toBeUndefined()
  })

  const config = { headers: new AxiosHeaders() }
  const response = (status: number, headers: object): AxiosResponse =>
    ({ status, statusText: '', headers, data: '', config }) as AxiosResponse
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT'

  it.each([
    [503, { 'retry-after': '7' }, { ok: false, statusCode: 503, retryAfterMs: 7_000 }],
    [
      503,
      { 'Retry-After': 'Wed, 21 Oct 2026 07:28:07 GMT', Date: date },
      { ok: false, statusCode: 503, retryAfterMs: 7_000 },
    ],
    [503, { 'retry-after': 'Wed, 21 Oct 2026 07:28:07 GMT' }, { ok: false, statusCode: 503 }],
    [503, { 'retry-after': ['7'] }, { ok: false, statusCode: 503 }],
    [429, { 'retry-after': '7' }, { ok: true, statusCode: 429, retryAfterMs: 7_000 }],
    [301, { 'retry-after': '7' }, { ok: true, statusCode: 301 }],
    [200, { 'Endpoint-Load-Metrics': 'TEXT eps=1' }, { ok: true, statusCode: 200, loadReport: 'TEXT eps=1' }],
    [200, {}, { ok: true, statusCode: 200 }],
  ])('is classified: %i %j, whether it resolves or rejects', (status, headers, expected) => {
    const value = response(status, headers)
    expect(classify({ ok: true, value }, config)).toEqual(expected)
    const error = new AxiosError('status', undefined, config, undefined, value)
    expect(classify({ ok: false, error }, config)).toEqual(expected)
  })
})

it('lets no event hold credentials, that of an ejection neither', async () => {
  use({ outlierDetection: { consecutiveServerErrors: 2, consecutiveConnectErrors: 2 }, hedge: { delayMs: 20 } })
  backends[0].script = (_request, number) => (number % 2 === 0 ? { status: 503 } : { fault: 'reset' })
  backends[1].script = { latencyMs: 40 }
  for (let each = 0; each < 12; each++) {
    await client.get(`${url}?token=query-secret`, {
      headers: { authorization: 'Bearer header-secret' },
      auth: { username: 'u', password: 'basic-secret' },
    })
  }
  backends[0].script = { status: 503 }
  for (let each = 0; each < 8; each++) await client.get(url, { headers: { authorization: 'Bearer header-secret' } })
  expect(events.map(({ type }) => type)).toContain('instance-ejected')
  const { inspect } = await import('node:util')
  expect(inspect(events, { depth: 20, showHidden: true })).not.toMatch(/secret|authorization/i)
})
