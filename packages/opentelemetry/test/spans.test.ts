import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { context, createContextKey, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { instrument } from '../src/index.ts'
import { Telemetry } from './telemetry.ts'

const discovery = new StaticDiscovery({ users: ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80'] })

describe('the spans of a call', () => {
  let telemetry: Telemetry
  let clock: FakeClock

  beforeEach(() => {
    telemetry = new Telemetry()
    clock = new FakeClock()
  })

  afterEach(() => {
    telemetry[Symbol.dispose]()
  })

  function loadBalancer(options = {}): LoadBalancer {
    const lb = new LoadBalancer({ discovery, clock, random: () => 0, ...options })
    instrument(lb, telemetry.providers)
    return lb
  }

  /** Hedged after 10 ms, and both attempts fail after 20 ms; so does a retry; the last one succeeds. */
  async function twoRetriesAndAHedge(): Promise<void> {
    const lb = loadBalancer({ hedge: { delayMs: 10 }, retry: { maxRetries: 2, statusCodes: [503] } })
    const response = lb.execute(
      'users',
      (_instance, { number }) =>
        new Promise<{ status: number }>((resolve) => {
          clock.setTimeout(() => resolve({ status: number === 4 ? 200 : 503 }), 20)
        }),
      { idempotent: true, httpMethod: 'GET', classify: classifyByStatus },
    )
    await clock.advance(1_000)
    expect(await response).toEqual({ status: 200 })
    await lb.close()
  }

  const classifyByStatus = (result: { ok: boolean; value?: { status: number } }) =>
    result.value === undefined
      ? undefined
      : { ok: result.value.status < 500, statusCode: result.value.status, retry: retryOf(result.value.status) }
  const retryOf = (status: number) => (status === 503 ? ('idempotent' as const) : ('never' as const))

  it('with two retries and a hedge are one of the call and four of its attempts, each linked to the one before', async () => {
    await twoRetriesAndAHedge()
    const [call] = telemetry.spans('GET users')
    expect(telemetry.spans()).toHaveLength(5)
    expect(call?.kind).toBe(SpanKind.CLIENT)
    expect(call?.status.code).toBe(SpanStatusCode.UNSET)
    expect(call?.attributes).toEqual({
      'server.address': 'users',
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'lb.call': 1,
      'lb.call.result': 'ok',
      'lb.call.attempts': 4,
      'lb.call.retries': 2,
      'lb.call.hedges': 1,
      'lb.call.duration': expect.any(Number),
    })
    const attempts = telemetry
      .spans('attempt')
      .toSorted((one, other) => resends(one.attributes) - resends(other.attributes))
    expect(
      attempts.map(({ attributes }) => [attributes['lb.attempt.kind'], attributes['http.request.resend_count']]),
    ).toEqual([
      ['first', undefined],
      ['hedge', 1],
      ['retry', 2],
      ['retry', 3],
    ])
    expect(attempts.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
      attempts.map(() => call?.spanContext().spanId),
    )
    expect(attempts.map(({ links }) => links.map((link) => link.context.spanId))).toEqual([
      [],
      ...attempts.slice(0, 3).map((attempt) => [attempt.spanContext().spanId]),
    ])
    expect(new Set(attempts.map(({ attributes }) => attributes['network.peer.address'])).size).toBe(4)
    expect(attempts.map(({ status }) => status.code)).toEqual([2, 2, 2, 0])
    expect(attempts[0]?.attributes).toEqual({
      'server.address': 'users',
      'http.request.method': 'GET',
      'http.response.status_code': 503,
      'error.type': '503',
      'network.peer.address': expect.stringMatching(/^10\.0\.0\.\d$/),
      'network.peer.port': 80,
      'lb.instance': expect.stringMatching(/^10\.0\.0\.\d:80$/),
      'lb.attempt.kind': 'first',
      'lb.attempt.result': 'failed',
    })
  })

  const resends = (attributes: Record<string, unknown>): number => Number(attributes['http.request.resend_count'] ?? 0)

  it('with two retries and a hedge has these metrics', async () => {
    const lb = { 'lb.name': 'default', 'lb.service': 'users' }
    await twoRetriesAndAHedge()
    expect(await telemetry.points('lb.client.call.duration')).toEqual([
      { attributes: { ...lb, result: 'ok' }, value: { count: 1, sum: expect.closeTo(0.07, 5) } },
    ])
    expect(await telemetry.points('lb.client.attempt.duration')).toEqual([
      { attributes: { ...lb, result: 'failed' }, value: { count: 3, sum: expect.closeTo(0.06, 5) } },
      { attributes: { ...lb, result: 'ok' }, value: { count: 1, sum: expect.closeTo(0.02, 5) } },
    ])
    expect(await telemetry.points('lb.client.call.retries')).toEqual([{ attributes: lb, value: { count: 1, sum: 2 } }])
    expect(await telemetry.points('lb.client.call.hedges')).toEqual([{ attributes: lb, value: { count: 1, sum: 1 } }])
    expect(await telemetry.points('lb.client.call.queue.duration')).toEqual([])
    expect(await telemetry.points('http.client.request.duration')).toEqual([
      {
        attributes: { 'server.address': 'users', 'http.request.method': 'GET', 'http.response.status_code': 200 },
        value: { count: 1, sum: expect.closeTo(0.07, 5) },
      },
    ])
  })

  it('are children of the span that is current when it begins, in whose context its attempts run', async () => {
    const key = createContextKey('baggage')
    const lb = loadBalancer()
    const parent = telemetry.tracerProvider.getTracer('application').startSpan('parent')
    let seen: unknown
    await context.with(trace.setSpan(context.active(), parent).setValue(key, 'mine'), () =>
      lb.execute('users', async () => {
        seen = [context.active().getValue(key), trace.getActiveSpan()?.spanContext().spanId]
        return 1
      }),
    )
    const [call] = telemetry.spans('users')
    const [attempt] = telemetry.spans('attempt')
    expect(call?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
    expect(seen).toEqual(['mine', attempt?.spanContext().spanId])
    await lb.close()
  })
})
