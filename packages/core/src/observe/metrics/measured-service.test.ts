import { describe, expect, it } from 'vitest'
import { StaticDiscovery } from '../../discovery/static-discovery.ts'
import { parseInstance } from '../../instance/instance.ts'
import { LoadBalancer } from '../../load-balancer.ts'
import { MeasuredService } from './measured-service.ts'
import type { MetricLabels } from './metric-labels.ts'

describe('the series of a service', () => {
  const recorded: MetricLabels[] = []
  const sink = {
    add: () => {},
    record: (_metric: unknown, _value: number, labels: MetricLabels) => recorded.push(labels),
    remove: () => {},
  }

  it('are at most 1000 for its instances: the rest shares one', () => {
    const service = new MeasuredService('users', { sink, labels: {}, instanceLabel: true, http: false })
    for (let number = 0; number < 1_010; number++) {
      const instance = parseInstance({ host: '10.0.0.1', port: 80, id: `i${number}` })
      service.callsOf(undefined).startAttempt({ instance, number: 1, kind: 'first' })?.end({ ok: true, latencyMs: 1 })
    }
    const labels = recorded.map((each) => each['lb.instance'])
    expect(new Set(labels).size).toBe(1_001)
    expect(labels.filter((each) => each === '(other)')).toHaveLength(10)
  })

  it('take the same labels again, so that a call allocates none', () => {
    recorded.length = 0
    const service = new MeasuredService('users', { sink, labels: {}, instanceLabel: false, http: true })
    const end = {
      result: 'ok',
      statusCode: 200,
      durationMs: 1,
      inFlightMs: 1,
      queuedMs: 0,
      attempts: 1,
      retries: 0,
      hedges: 0,
    } as const
    for (let call = 0; call < 2; call++) service.callsOf('GET').end(end)
    expect(recorded.map((labels) => recorded.indexOf(labels))).toEqual([0, 1, 0, 1])
  })

  it.each([
    ['adaptive', { 'lb.limit': 20, 'lb.instance.limit': 20 }],
    [20, {}],
  ] as const)('have a limit only where it adapts: %s', async (limit, expected) => {
    const discovery = new StaticDiscovery({ users: ['10.0.0.1:80'] })
    const lb = new LoadBalancer({ discovery, maxInFlight: limit, maxInFlightPerInstance: limit })
    await lb.execute('users', () => 1)
    const service = new MeasuredService('users', { sink, labels: {}, instanceLabel: true, http: false })
    const limits: Record<string, number> = {}
    service.read(lb.inspect('users'), 0, (metric, value, labels) => {
      if (!metric.endsWith('limit')) return
      limits[metric] = value
      expect(labels['lb.instance']).toBe(metric === 'lb.limit' ? undefined : '10.0.0.1:80')
    })
    expect(limits).toEqual(expected)
    await lb.close()
  })
})
