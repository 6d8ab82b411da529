import { FakeClock, instances, seededRandom, settlePromises, weighted } from '@lb/testing'
import { describeBalancer } from '@lb/testing/suites'
import { describe, expect, it, vi } from 'vitest'
import { InvalidOptionError } from '../../base/errors.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { LoadProbe, LoadProbeResult } from './load-probe.ts'
import { ProbingBalancer, type ProbingBalancerOptions } from './probing.ts'

const silent: LoadProbe = () => Promise.reject(new Error('refused'))

describeBalancer(
  'ProbingBalancer without results',
  (options) => new ProbingBalancer({ ...options, clock: new FakeClock(), probe: silent }),
  { weights: 'statistical', looksAtLoad: true },
)

/** Instances that say of themselves what `loads` has, and a client. */
class Fleet {
  readonly clock = new FakeClock()
  readonly loads = new Map<string, LoadProbeResult | 'fails' | undefined>()
  readonly asked: string[] = []
  readonly balancer: ProbingBalancer

  constructor(list: readonly ServiceInstance[], options: ProbingBalancerOptions = {}) {
    const probe: LoadProbe = async ({ id }) => {
      this.asked.push(id)
      const load = this.loads.get(id)
      if (load === 'fails') throw new Error('refused')
      return load
    }
    for (const { id } of list) this.loads.set(id, { inFlight: 1, latencyMs: 100 })
    this.balancer = new ProbingBalancer({ random: seededRandom(1), clock: this.clock, probe, ...options })
    this.balancer.update(list)
  }

  /** One request, which takes 100 ms. */
  async call(): Promise<string> {
    await this.balancer.prepare()
    const picked = this.balancer.pick() as ServiceInstance
    this.balancer.started(picked)
    await this.clock.advance(100)
    await settlePromises()
    this.balancer.finished(picked, { ok: true, latencyMs: 100 })
    return picked.id
  }

  async calls(count: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (let call = 0; call < count; call++) {
      const id = await this.call()
      counts[id] = (counts[id] ?? 0) + 1
    }
    return counts
  }
}

describe('ProbingBalancer', () => {
  it('avoids instances that say that they are slow, or busy', async () => {
    const fleet = new Fleet(instances(10))
    fleet.loads.set('i0', { inFlight: 1, latencyMs: 900 })
    fleet.loads.set('i1', { inFlight: 50, latencyMs: 1 })
    await fleet.calls(10)
    const counts = await fleet.calls(200)
    expect(counts.i0 ?? 0).toBeLessThan(4)
    expect(counts.i1 ?? 0).toBeLessThan(4)
    expect(fleet.balancer.probing).toEqual({ active: true, reason: 'instances report their load' })
  })

  it('sends at most so many probes for each call, and none without calls', async () => {
    const fleet = new Fleet(instances(10), { probesPerCall: 2 })
    await fleet.calls(100)
    expect(fleet.asked.length).toBeLessThanOrEqual(2 * 101)
    expect(fleet.asked.length).toBeGreaterThan(150)
    const before = fleet.asked.length
    await fleet.clock.advance(3_600_000)
    expect(fleet.asked.length).toBeLessThanOrEqual(before + 2)
    expect(fleet.clock.pendingTimers).toBe(0)
  })

  it('probes take at most a hundredth of the time of the calls', async () => {
    const fleet = new Fleet(instances(10), { costMs: 10 })
    await fleet.calls(200)
    expect(fleet.asked.length).toBeLessThanOrEqual(6 + 200 * 0.1)
  })

  it('lets a call wait for at most a tenth of a usual latency, and not at all where probes take longer', async () => {
    const clock = new FakeClock()
    const late: LoadProbe = () =>
      new Promise((resolve) => void clock.setTimeout(() => resolve({ inFlight: 0, latencyMs: 100 }), 50))
    const balancer = new ProbingBalancer({ clock, probe: late, random: seededRandom(1) })
    const list = instances(10)
    balancer.update(list)
    const [first] = list as [ServiceInstance]
    balancer.started(first)
    await clock.advance(60_000)
    balancer.finished(first, { ok: true, latencyMs: 100 })
    void balancer.prepare()
    await clock.advance(100)
    expect(balancer.prepare()).toBeUndefined()

    const unused = new ProbingBalancer({ clock, probe: late, random: seededRandom(1) })
    unused.update(list)
    let waited = false
    void unused.prepare()?.then(() => {
      waited = true
    })
    await clock.advance(9)
    expect(waited).toBe(false)
    await clock.advance(1)
    expect(waited).toBe(true)
    expect(list).toContain(unused.pick())
  })

  it('lets no call wait where that is off', () => {
    expect(new Fleet(instances(10), { waitRatio: 0 }).balancer.prepare()).toBeUndefined()
  })

  it('falls back to peak EWMA while no probe has a result, says so once, and comes back', async () => {
    const onChange = vi.fn()
    const list = instances(5)
    const fleet = new Fleet(list, { onChange })
    for (const { id } of list) fleet.loads.set(id, 'fails')
    const counts = await fleet.calls(100)
    expect(Object.keys(counts).length).toBe(5)
    expect(onChange.mock.calls).toEqual([[{ active: false, reason: '12 probes in a row had no result' }]])
    expect(fleet.balancer.probing.active).toBe(false)
    // A tenth of the probes goes on.
    expect(fleet.asked.length).toBeLessThan(12 + 0.5 * 100)
    for (const { id } of list) fleet.loads.set(id, { inFlight: 0, latencyMs: 100 })
    await fleet.calls(50)
    expect(fleet.balancer.probing.active).toBe(true)
    expect(onChange).toHaveBeenCalledTimes(2)
  })

  it('takes an instance without a report for a typical one, as while only some report', async () => {
    const fleet = new Fleet(instances(6))
    fleet.loads.set('i0', undefined)
    fleet.loads.set('i1', undefined)
    fleet.loads.set('i5', { inFlight: 1, latencyMs: 500 })
    await fleet.calls(10)
    const counts = await fleet.calls(200)
    expect((counts.i0 ?? 0) + (counts.i1 ?? 0)).toBeGreaterThan(20)
    expect(counts.i5 ?? 0).toBeLessThan(10)
  })

  it('keeps to the weights of instances that are alike', async () => {
    const fleet = new Fleet(weighted({ a: 6, b: 2, c: 1, d: 0 }))
    for (const id of ['a', 'b', 'c', 'd']) fleet.loads.set(id, { inFlight: 0, latencyMs: 100 })
    await fleet.calls(10)
    const counts = await fleet.calls(900)
    expect(counts.d ?? 0).toBe(0)
    expect(counts.a ?? 0).toBeGreaterThan(450)
    expect(counts.a ?? 0).toBeLessThan(750)
    expect(counts.b ?? 0).toBeGreaterThan(counts.c ?? 0)
  })

  it('gives members only, and none to be avoided, when the list changes', async () => {
    const list = instances(8)
    const fleet = new Fleet(list)
    await fleet.calls(20)
    const left = list.slice(5)
    fleet.balancer.update(left)
    for (let pick = 0; pick < 50; pick++) {
      expect(left).toContain(fleet.balancer.pick())
      expect(fleet.balancer.pick({ avoid: new Set(['i5', 'i6']) })).toBe(list[7])
    }
    fleet.balancer.update([])
    expect(fleet.balancer.pick()).toBeUndefined()
  })

  it('ends its probes when it is closed', async () => {
    const fleet = new Fleet(instances(5))
    await fleet.calls(10)
    const before = fleet.asked.length
    fleet.balancer.close()
    await fleet.calls(10)
    expect(fleet.asked.length).toBe(before)
    expect(fleet.clock.pendingTimers).toBe(0)
  })

  it.each([
    [{ probes: 3 }, 'ProbingBalancer.probes is not a known option. Did you mean probe?'],
    [{ path: 'load' }, 'ProbingBalancer.path must be a path that begins with a slash, got "load" (string)'],
    [{ probe: 5 }, 'ProbingBalancer.probe must be a function, got 5 (number)'],
    [{ probesPerCall: 0 }, 'ProbingBalancer.probesPerCall must be a finite number in [0.01, 10], got 0'],
    [{ poolSize: 1 }, 'ProbingBalancer.poolSize must be an integer in [2, 100], got 1'],
    [{ hotQuantile: 2 }, 'ProbingBalancer.hotQuantile must be a finite number in [0, 1], got 2'],
    [{ waitRatio: -1 }, 'ProbingBalancer.waitRatio must be a finite number in [0, 1], got -1'],
    [null, 'ProbingBalancer must be an object, got null (object)'],
  ])('rejects the options %o', (options, message) => {
    const construct = (): unknown => Reflect.construct(ProbingBalancer, [options])
    expect(construct).toThrow(InvalidOptionError)
    expect(construct).toThrow(message)
  })
})
