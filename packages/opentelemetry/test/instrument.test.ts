import { InvalidOptionError, LoadBalancer, type LoadBalancerOptions, StaticDiscovery } from '@lb/core'
import { metricTable } from '@lb/core/authoring'
import { type Meter, type MeterProvider, type Tracer, type TracerProvider, trace } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { instrument } from '../src/index.ts'
import { Telemetry } from './telemetry.ts'

describe('instrument', () => {
  let telemetry: Telemetry
  const open: LoadBalancer[] = []

  beforeEach(() => {
    telemetry = new Telemetry()
  })

  afterEach(async () => {
    await Promise.all(open.splice(0).map((lb) => lb.close()))
    telemetry[Symbol.dispose]()
  })

  const usersOnly: Record<string, string[]> = { users: ['10.0.0.1:80', '10.0.0.2:80'] }

  function loadBalancer(services = usersOnly, options: Partial<LoadBalancerOptions> = {}): LoadBalancer {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery(services), retry: false, ...options })
    open.push(lb)
    return lb
  }

  it('describes every metric as the table does', async () => {
    const lb = loadBalancer(usersOnly, { maxInFlight: 'adaptive', maxInFlightPerInstance: 'adaptive' })
    instrument(lb, { ...telemetry.providers, instanceLabel: true })
    await lb.execute('users', () => 1, { httpMethod: 'GET' })
    const metrics = await telemetry.metrics()
    for (const [name, { descriptor }] of metrics) {
      const { unit, description } = Object.entries(metricTable).find(([each]) => each === name)?.[1] ?? {}
      expect([name, descriptor.unit, descriptor.description]).toEqual([name, unit, description])
    }
    // Those without a value yet: nothing was retried, hedged or queued, and there were too few requests.
    const missing = Object.keys(metricTable).filter((name) => !metrics.has(name))
    expect(missing.filter((name) => !/retries|hedges|queue|imbalance/.test(name))).toEqual([])
    expect(metrics.get('lb.client.call.duration')?.dataPoints[0]?.value).toMatchObject({
      buckets: { boundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] },
    })
  })

  it('tells instances apart only when it is asked to', async () => {
    const [plain, labelled] = [loadBalancer(), loadBalancer()]
    instrument(plain, telemetry.providers)
    instrument(labelled, { ...telemetry.providers, instanceLabel: true, name: 'labelled' })
    for (const lb of [plain, plain, labelled, labelled]) await lb.execute('users', () => 1)
    const attempts = await telemetry.points('lb.client.attempt.duration')
    expect(attempts.map(({ attributes }) => attributes)).toEqual([
      { 'lb.name': 'default', 'lb.service': 'users', result: 'ok' },
      {
        'lb.name': 'labelled',
        'lb.service': 'users',
        'lb.instance': expect.stringMatching(/^10\.0\.0\.[12]:80$/),
        result: 'ok',
      },
      {
        'lb.name': 'labelled',
        'lb.service': 'users',
        'lb.instance': expect.stringMatching(/^10\.0\.0\.[12]:80$/),
        result: 'ok',
      },
    ])
    expect(await telemetry.points('lb.instance.weight')).toHaveLength(2)
  })

  it('counts calls to names that nothing is known of under one label', async () => {
    const lb = loadBalancer()
    instrument(lb, telemetry.providers)
    for (const name of ['one', 'two', 'three']) await expect(lb.execute(name, () => 1)).rejects.toThrow(name)
    expect(await telemetry.points('lb.client.call.duration')).toMatchObject([
      { attributes: { 'lb.service': '(unknown)', result: 'refused' }, value: { count: 3 } },
    ])
    expect(await telemetry.points('lb.services.released')).toMatchObject([{ value: 3 }])
    expect(telemetry.spans().map(({ name }) => name)).toEqual(['one', 'two', 'three'])
  })

  it('records nothing more when it was stopped, and can be called again', async () => {
    const lb = loadBalancer()
    const stop = instrument(lb, telemetry.providers)
    expect(() => instrument(lb, telemetry.providers)).toThrow(InvalidOptionError)
    stop()
    stop()
    await lb.execute('users', () => 1)
    expect(telemetry.spans()).toEqual([])
    expect(await telemetry.points('lb.in_flight')).toEqual([])
    instrument(lb, telemetry.providers)()
  })

  it.each([
    ['instrument.lb', () => instrument(Object({}))],
    ['instrument.tracer', () => instrument(loadBalancer(), Object({ tracer: 1 }))],
    ['instrument.tracerProvider', () => instrument(loadBalancer(), { tracerProvider: Object({}) })],
    ['instrument.meterProvider', () => instrument(loadBalancer(), { meterProvider: Object('x') })],
    ['instrument.name', () => instrument(loadBalancer(), { name: '' })],
    ['instrument.instanceLabel', () => instrument(loadBalancer(), { instanceLabel: Object('yes') })],
  ])('rejects a wrong %s', (option, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'LB_INVALID_OPTION', option }))
  })

  it('works without an SDK', async () => {
    const lb = loadBalancer()
    instrument(lb)
    expect(await lb.execute('users', () => 1)).toBe(1)
  })

  const broken = (method: string): never => {
    throw new Error(`${method} is broken`)
  }

  it('lets no failure of a tracer or of a meter reach a call', async () => {
    const tracer: Tracer = { startSpan: () => broken('startSpan'), startActiveSpan: () => broken('startActiveSpan') }
    const tracerProvider: TracerProvider = { getTracer: () => tracer }
    const working = telemetry.meterProvider.getMeter('working')
    const meter: Meter = Object.assign(Object.create(working), {
      createHistogram: () => ({ record: () => broken('record') }),
    })
    const meterProvider: MeterProvider = { getMeter: () => meter }
    const lb = loadBalancer()
    const failures: unknown[] = []
    lb.subscribe((event) => {
      if (event.type === 'callback-failed') failures.push(String(event.error))
    })
    instrument(lb, { tracerProvider, meterProvider })
    expect(await lb.execute('users', () => 1)).toBe(1)
    expect(new Set(failures)).toEqual(new Set(['Error: startSpan is broken', 'Error: record is broken']))
  })

  it('calls the attempt once although its span cannot be ended', async () => {
    const span = trace.wrapSpanContext({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 })
    Object.assign(span, { end: () => broken('end'), setAttribute: () => broken('setAttribute') })
    const tracer: Tracer = { startSpan: () => span, startActiveSpan: () => broken('startActiveSpan') }
    const lb = loadBalancer()
    instrument(lb, { tracerProvider: { getTracer: () => tracer }, meterProvider: telemetry.meterProvider })
    let calls = 0
    expect(await lb.execute('users', () => ++calls)).toBe(1)
    expect(await telemetry.points('lb.client.call.duration')).toMatchObject([{ value: { count: 1 } }])
  })
})
