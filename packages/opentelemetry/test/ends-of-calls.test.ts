import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { SpanStatusCode } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { instrument } from '../src/index.ts'
import { Telemetry } from './telemetry.ts'

const discovery = new StaticDiscovery({ users: ['10.0.0.1:80'] })
const users = { 'lb.name': 'default', 'lb.service': 'users' }

describe('how a call ended', () => {
  let telemetry: Telemetry
  let clock: FakeClock

  beforeEach(() => {
    telemetry = new Telemetry()
    clock = new FakeClock()
  })

  afterEach(() => {
    telemetry[Symbol.dispose]()
  })

  async function loadBalancer(options = {}): Promise<LoadBalancer> {
    const lb = new LoadBalancer({ discovery, clock, ...options })
    await lb.ready('users')
    instrument(lb, telemetry.providers)
    return lb
  }

  /** An attempt that takes this long. */
  const taking = (delayMs: number) => () =>
    new Promise<string>((resolve) => {
      clock.setTimeout(() => resolve('value'), delayMs)
    })

  it('shows how long it waited for room', async () => {
    const lb = await loadBalancer({ maxInFlight: 1 })
    const calls = Promise.all([lb.execute('users', taking(30)), lb.execute('users', taking(20))])
    await clock.advance(10)
    expect(await telemetry.points('lb.queued')).toEqual([{ attributes: users, value: 1 }])
    expect(await telemetry.points('lb.in_flight')).toEqual([{ attributes: users, value: 1 }])
    await clock.advance(100)
    await calls
    const [, waited] = telemetry.spans('users')
    expect(waited?.attributes).toMatchObject({ 'lb.call.queue.duration': 0.03, 'lb.call.duration': 0.05 })
    expect(await telemetry.points('lb.client.call.queue.duration')).toEqual([
      { attributes: users, value: { count: 1, sum: 0.03 } },
    ])
    await lb.close()
  })

  it('shows that it was refused, and why', async () => {
    const lb = await loadBalancer({ maxInFlight: 1, queue: false })
    const first = lb.execute('users', taking(10))
    await expect(lb.execute('users', taking(10))).rejects.toThrow('in flight')
    const [refused] = telemetry.spans('users')
    expect(refused?.attributes).toMatchObject({ 'lb.call.result': 'refused', 'error.type': 'LB_OVERLOADED' })
    expect(refused?.status.code).toBe(SpanStatusCode.ERROR)
    expect(telemetry.spans('attempt')).toEqual([])
    const refusals = await telemetry.points('lb.client.call.refusals')
    expect(refusals.filter(({ value }) => value !== 0)).toEqual([
      { attributes: { ...users, reason: 'queue-full' }, value: 1 },
    ])
    await clock.advance(10)
    await first
    await lb.close()
  })

  it('is no error when its caller gave it up', async () => {
    const lb = await loadBalancer()
    const controller = new AbortController()
    const call = lb.execute('users', taking(1_000), { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    for (const span of telemetry.spans()) expect(span.status.code).toBe(SpanStatusCode.UNSET)
    expect(telemetry.spans('users')[0]?.attributes).toMatchObject({ 'lb.call.result': 'cancelled' })
    expect(telemetry.spans('attempt')[0]?.attributes).toMatchObject({ 'lb.attempt.result': 'cancelled' })
    expect(await telemetry.points('lb.client.call.duration')).toMatchObject([{ attributes: { result: 'cancelled' } }])
    await lb.close()
  })

  it('comes with the end of its stream, and its duration with the head', async () => {
    const lb = await loadBalancer()
    const value = await lb.execute('users', async (_instance, { until }) => {
      until(taking(500)())
      return 'head'
    })
    expect([value, telemetry.spans().length, (await telemetry.points('lb.client.call.duration')).length]).toEqual([
      'head',
      0,
      0,
    ])
    await clock.advance(500)
    expect(telemetry.spans().map(({ name }) => name)).toEqual(['attempt', 'users'])
    expect(telemetry.spans('users')[0]?.attributes).toMatchObject({ 'lb.call.duration': 0, 'lb.call.result': 'ok' })
    await lb.close()
  })

  it('names what failed by its code, and never repeats a message', async () => {
    const lb = await loadBalancer({ retry: false })
    const failures = [
      Object.assign(new Error('GET /?token=secret'), { code: 'ECONNREFUSED' }),
      new TypeError('fetch failed: secret', { cause: { code: 'UND_ERR_SOCKET' } }),
      Object.assign(new Error('secret'), { code: 'secret: abc' }),
      'secret',
    ]
    for (const failure of failures) {
      const call = lb.execute('users', () => Promise.reject(failure), { httpMethod: 'POST' })
      await expect(call).rejects.toBe(failure)
    }
    const spans = telemetry.spans('POST users')
    expect(spans.map(({ attributes }) => attributes['error.type'])).toEqual([
      'ECONNREFUSED',
      'UND_ERR_SOCKET',
      'Error',
      '_OTHER',
    ])
    const written = telemetry.spans().map(({ attributes, events, status }) => ({ attributes, events, status }))
    expect(JSON.stringify([written, Array.from(await telemetry.metrics())])).not.toContain('secret')
    await lb.close()
  })

  it('is an error from 400, as the semantic conventions say of clients, although the instance is not at fault', async () => {
    const lb = await loadBalancer()
    await lb.execute('users', () => new Response(undefined, { status: 404 }), { httpMethod: 'delete' })
    const [span] = telemetry.spans('DELETE users')
    expect(span?.status.code).toBe(SpanStatusCode.ERROR)
    expect(span?.attributes).toMatchObject({ 'error.type': '404', 'lb.call.result': 'ok' })
    expect(await telemetry.points('http.client.request.duration')).toMatchObject([
      { attributes: { 'error.type': '404', 'http.response.status_code': 404, 'http.request.method': 'DELETE' } },
    ])
    await lb.close()
  })
})
