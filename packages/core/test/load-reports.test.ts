import { seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { loadReportHeader } from '../src/authoring.ts'
import type { LoadBalancerOptions, ServiceInstanceInit } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']
const loadReports = { blackoutMs: 10_000, updateMs: 1_000, expiryMs: 60_000 }

/** The header of an instance at full use that does so many requests per second: its weight is in proportion. */
function report(rps: number): string {
  return `TEXT cpu_utilization=1,rps_fractional=${rps}`
}

function reporting(
  headers: Record<string, string>,
  options: Partial<LoadBalancerOptions> = {},
  list: readonly ServiceInstanceInit[] = three,
): { observed: ObservedLoadBalancer; call: (seconds: number) => Promise<void> } {
  const observed = new ObservedLoadBalancer(list, { loadReports, ...options })
  /** Twelve calls a second, answered with the headers of their instances. */
  const call = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      for (let each = 0; each < 12; each++) {
        await observed.lb.execute('users', ({ id }) => {
          const header = headers[id]
          return new Response(null, header === undefined ? {} : { headers: { [loadReportHeader]: header } })
        })
      }
      await observed.clock.advance(1_000)
    }
  }
  return { observed, call }
}

function picks({ lb }: ObservedLoadBalancer, count: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let each = 0; each < count; each++) {
    const { id } = lb.pick('users')
    counts[id] = (counts[id] ?? 0) + 1
  }
  return counts
}

function weights({ lb }: ObservedLoadBalancer): Record<string, number> {
  return Object.fromEntries(
    lb.inspect('users').instances.map(({ instance, effectiveWeight }) => [instance.id, effectiveWeight]),
  )
}

const uneven = { 'a:1': report(100), 'b:1': report(200), 'c:1': report(300) }

describe('load reports', () => {
  it('are not even read by default', async () => {
    const { observed } = reporting({}, { loadReports: false })
    const read: string[] = []
    const response = new Response(null, { headers: { [loadReportHeader]: report(1) } })
    Object.defineProperty(response, 'headers', { value: { get: (name: string) => void read.push(name) } })
    await observed.lb.execute('users', () => response)
    expect(read).toEqual([])
    await observed.lb.execute('users', () => 1, { classify: () => ({ ok: true, loadReport: report(1) }) })
    expect(observed.eventsOf('request-finished').map(({ outcome }) => outcome.loadReport)).toEqual([
      undefined,
      undefined,
    ])
  })

  it('are asked for in the format that the service says', async () => {
    for (const [request, expected] of [
      [undefined, undefined],
      [false, undefined],
      [true, 'text'],
      ['json', 'json'],
    ] as const) {
      const { observed } = reporting({}, { loadReports: { request } })
      const format = await observed.lb.execute('users', (_instance, { loadReportFormat }) => loadReportFormat)
      expect(format).toBe(expected)
    }
    const { observed } = reporting({}, { loadReports: false })
    expect(await observed.lb.execute('users', (_instance, { loadReportFormat }) => loadReportFormat)).toBe(undefined)
  })

  it('come by polls for a client without calls, until it is closed', async () => {
    const asked: string[] = []
    const loads: Record<string, number> = { 'a:1': 0.2, 'b:1': 0.4, 'c:1': 0.8 }
    const report = async ({ id }: { id: string }) => {
      asked.push(id)
      if (id === 'c:1') throw new Error('refused')
      return { namedMetrics: { kv: loads[id] ?? 0 } }
    }
    const { observed } = reporting(
      {},
      { loadReports: { ...loadReports, metrics: ['named_metrics.kv'], poll: { report, intervalMs: 1_000 } } },
    )
    await observed.lb.ready('users')
    for (let second = 0; second < 15; second++) await observed.clock.advance(1_000)
    expect(weights(observed)).toEqual({ 'a:1': expect.closeTo(4 / 3), 'b:1': expect.closeTo(2 / 3), 'c:1': 1 })
    const before = asked.length
    expect(before).toBeGreaterThan(30)
    expect(before).toBeLessThan(60)
    await observed.lb.close()
    await observed.clock.advance(10_000)
    expect([asked.length, observed.clock.pendingTimers]).toEqual([before, 0])
  })

  it('change the shares when the blackout is over', async () => {
    const { observed, call } = reporting(uneven)
    await call(10)
    expect(weights(observed)).toEqual({ 'a:1': 1, 'b:1': 1, 'c:1': 1 })
    await call(3)
    expect(weights(observed)).toEqual({
      'a:1': expect.closeTo(0.5),
      'b:1': expect.closeTo(1),
      'c:1': expect.closeTo(1.5),
    })
    expect(picks(observed, 600)).toEqual({ 'a:1': 100, 'b:1': 200, 'c:1': 300 })
  })

  it('leave the instance that callers see as the registry wrote it', async () => {
    const { observed, call } = reporting(uneven)
    await call(13)
    const known = observed.lb.inspect('users').instances.map(({ instance }) => instance)
    for (let each = 0; each < 6; each++) {
      const picked = observed.lb.pick('users')
      expect(known.includes(picked)).toBe(true)
      expect(picked.weight).toBe(1)
    }
    const { instance, done } = await observed.lb.acquire('users')
    expect(known.includes(instance)).toBe(true)
    done({ ok: true, latencyMs: 1 })
    await observed.lb.execute('users', (chosen) => expect(known.includes(chosen)).toBe(true))
    for (const { instance: told } of observed.eventsOf('request-finished')) expect(told.weight).toBe(1)
  })

  it('give way to the configured weights when they stop', async () => {
    const headers: Record<string, string> = { ...uneven }
    const { observed, call } = reporting(headers)
    await call(13)
    for (const id of three) delete headers[id]
    await call(62)
    expect(weights(observed)).toEqual({ 'a:1': 1, 'b:1': 1, 'c:1': 1 })
    expect(picks(observed, 300)).toEqual({ 'a:1': 100, 'b:1': 100, 'c:1': 100 })
  })

  it('do not bring traffic to an instance of weight 0', async () => {
    const { observed, call } = reporting(uneven, {}, ['a:1', 'b:1', { host: 'c', port: 1 }])
    await call(13)
    observed.discovery.set('users', ['a:1', 'b:1', { host: 'c', port: 1, weight: 0 }])
    await call(3)
    expect(weights(observed)['c:1']).toBe(0)
    expect(picks(observed, 300)['c:1']).toBeUndefined()
  })

  it('give a newcomer the median at once, whatever its configured weight', async () => {
    const heavy = (host: string): ServiceInstanceInit => ({ host, port: 1, weight: 50 })
    const { observed, call } = reporting(uneven, {}, ['a', 'b', 'c'].map(heavy))
    await call(13)
    observed.discovery.set('users', ['a', 'b', 'c', 'd'].map(heavy))
    expect(weights(observed)['d:1']).toBe(1)
    observed.discovery.set('users', ['a', 'b', 'c', 'e'].map(heavy))
    await call(1)
    expect(weights(observed)).toMatchObject({ 'b:1': expect.closeTo(1), 'e:1': 1 })
  })

  it('start anew for an instance that was gone', async () => {
    const { observed, call } = reporting(uneven)
    await call(13)
    observed.discovery.set('users', ['a:1', 'b:1'])
    observed.discovery.set('users', three)
    await call(2)
    // The median of a and b, 1 : 2.
    expect(weights(observed)['c:1']).toBeCloseTo(1)
    await call(12)
    expect(weights(observed)['c:1']).toBeCloseTo(1.5)
  })

  it('are multiplied with the slow start', async () => {
    const { observed, call } = reporting(
      uneven,
      { slowStart: { windowMs: 100_000, minimum: 0.1 }, random: seededRandom(3) },
      ['a:1', 'b:1'],
    )
    await call(13)
    observed.discovery.set('users', three)
    await call(11)
    const { 'c:1': effective } = weights(observed)
    expect(effective).toBeCloseTo(1.5 * 0.11, 2)
    const counts = picks(observed, 3_000)
    // c counts for 1.5 × 0.11 beside 0.5 and 1: 297 of 3000, with a standard deviation of sqrt(3000 × 0.099 × 0.901) = 16.4.
    expect(Math.abs((counts['c:1'] ?? 0) - 297)).toBeLessThan(5 * 16.4)
  })

  it.each([
    ['nonsense', 'cpu=1'],
    ['NaN', 'TEXT cpu_utilization=NaN,rps_fractional=1'],
    ['infinity', 'JSON {"cpu_utilization": 1e999, "rps_fractional": 1}'],
    ['a negative number', 'TEXT cpu_utilization=-1,rps_fractional=1'],
    ['a duplicate', 'TEXT cpu_utilization=1,cpu_utilization=0.0001,rps_fractional=1'],
    ['no requests', 'TEXT cpu_utilization=0.5'],
    ['far too much text', `TEXT cpu_utilization=1,named_metrics.${'a'.repeat(5_000)}=1`],
    ['prototype pollution', 'JSON {"__proto__": {"cpu_utilization": 1}}'],
  ])('of %s are ignored', async (_name, header) => {
    const { observed, call } = reporting({ ...uneven, 'c:1': header })
    await call(13)
    // As if c had said nothing: the median of the others.
    expect(weights(observed)).toEqual({ 'a:1': expect.closeTo(2 / 3), 'b:1': expect.closeTo(4 / 3), 'c:1': 1 })
    expect(observed.inFlight).toBe(0)
  })

  it('neither starve an instance nor give it everything by one odd report', async () => {
    const { observed, call } = reporting({ 'a:1': report(1), 'b:1': report(1e12), 'c:1': report(1) })
    await call(13)
    const { 'a:1': least, 'b:1': most } = weights(observed)
    expect(least).toBe(1)
    expect(most).toBeLessThanOrEqual(4)
  })
})
