import { instances, seededRandom, weighted } from '@lb/testing'
import { describeBalancer } from '@lb/testing/suites'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changed, churn, churnRuns, positive } from '../../../test/churn.ts'
import { fiveDeviations } from '../../../test/tolerance.ts'
import { InvalidOptionError } from '../../base/errors.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { LeastRequestBalancer, type LeastRequestOptions } from './least-request.ts'

for (const extra of [{}, { choices: 3 }, { activeRequestBias: 2.5 }]) {
  describeBalancer(
    `LeastRequestBalancer ${JSON.stringify(extra)}`,
    (options) => new LeastRequestBalancer({ ...options, ...extra }),
    { weights: 'statistical', looksAtLoad: true },
  )
}

function filled(list: readonly ServiceInstance[], options: LeastRequestOptions = {}): LeastRequestBalancer {
  const balancer = new LeastRequestBalancer({ random: seededRandom(1), ...options })
  balancer.update(list)
  return balancer
}

/** Picks one and leaves it in flight. */
function start(balancer: LeastRequestBalancer): ServiceInstance {
  const picked = balancer.pick() as ServiceInstance
  balancer.started(picked)
  return picked
}

/** `concurrency` requests at any time, each of which ends after as many picks; counted by id. */
function keepBusy(balancer: LeastRequestBalancer, picks: number, concurrency: number): Record<string, number> {
  const inFlight: ServiceInstance[] = []
  const counts: Record<string, number> = {}
  for (let pick = 0; pick < picks; pick++) {
    const picked = start(balancer)
    counts[picked.id] = (counts[picked.id] ?? 0) + 1
    inFlight.push(picked)
    if (inFlight.length > concurrency) balancer.finished(inFlight.shift() as ServiceInstance)
  }
  return counts
}

describe('LeastRequestBalancer', () => {
  // With replacement, a stuck one of 2 would get a quarter, and of 3 a ninth.
  it.each([2, 3, 4, 5, 20])('gives a stuck one of %i no more than the busiest other has in flight', (count) => {
    const list = instances(count)
    const balancer = filled(list)
    const active = new Map(list.map(({ id }) => [id, 0]))
    const others: ServiceInstance[] = []
    for (let pick = 0; pick < 5_000; pick++) {
      const { i0: stuck, ...rest } = Object.fromEntries(active) as Record<string, number>
      const picked = start(balancer)
      active.set(picked.id, (active.get(picked.id) as number) + 1)
      if (picked === list[0]) expect(stuck).toBeLessThanOrEqual(Math.max(...Object.values(rest)))
      else others.push(picked)
      if (others.length <= 2 * count) continue
      const ended = others.shift() as ServiceInstance
      balancer.finished(ended)
      active.set(ended.id, (active.get(ended.id) as number) - 1)
    }
  })

  it('spreads requests in flight over many far more evenly than chance does', () => {
    const balancer = filled(instances(100))
    const active = new Map<string, number>()
    for (let request = 0; request < 10_000; request++) {
      const { id } = start(balancer)
      active.set(id, (active.get(id) ?? 0) + 1)
    }
    // Chance alone has a deviation of 10 around 100; two choices keep within a few, log log n.
    expect(Math.max(...active.values())).toBeLessThanOrEqual(105)
    expect(active.size).toBe(100)
  })

  it('is more even the more choices it has', () => {
    const busiest = (choices: number): number => {
      const counts = new Map<string, number>()
      const balancer = filled(instances(200), { choices })
      for (let request = 0; request < 20_000; request++) {
        const { id } = start(balancer)
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      return Math.max(...counts.values())
    }
    expect(busiest(10)).toBeLessThan(busiest(2))
  })

  it.each([1, 2, 5, 50])('keeps to the weights with %i requests in flight', (concurrency) => {
    const picks = 20_000
    const weights = { a: 10, b: 1 }
    const counts = keepBusy(filled(weighted(weights)), picks, concurrency)
    // Comparing weight ÷ (active + 1) alone would starve b, comparing active ÷ weight would give it half.
    expect(counts.b).toBeGreaterThan((picks / 11) * 0.5)
    expect(counts.b).toBeLessThan((picks / 11) * 1.5)
  })

  it('fills instances by weight under load', () => {
    const balancer = filled(weighted({ a: 4, b: 2, c: 1 }))
    const counts: Record<string, number> = {}
    for (let request = 0; request < 700; request++) {
      const { id } = start(balancer)
      counts[id] = (counts[id] ?? 0) + 1
    }
    // A request moves when that lessens the load, so nobody is more than one request off.
    for (const [id, share] of [
      ['a', 400],
      ['b', 200],
      ['c', 100],
    ] as const) {
      expect(Math.abs((counts[id] ?? 0) - share)).toBeLessThanOrEqual(4)
    }
  })

  it('lets the bias say how much load counts against weight', () => {
    const lightShare = (activeRequestBias: number): number => {
      const balancer = filled(weighted({ a: 10, b: 1 }), { activeRequestBias })
      for (let request = 0; request < 200; request++) start(balancer)
      const { b = 0 } = keepBusy(balancer, 2_000, 10)
      return b
    }
    expect(lightShare(2)).toBeGreaterThan(lightShare(1))
    expect(lightShare(1)).toBeGreaterThan(lightShare(0.7))
  })

  it('prefers, among idle instances, the one on which requests took less time lately', () => {
    const list = instances(20)
    const balancer = filled(list)
    const slow = new Set(list.slice(0, 4))
    const counts = { slow: 0, fast: 0 }
    for (let request = 0; request < 2_000; request++) {
      const picked = start(balancer)
      const isSlow = slow.has(picked)
      counts[isSlow ? 'slow' : 'fast']++
      balancer.finished(picked, { ok: true, latencyMs: isSlow ? 400 : 40 })
    }
    // A fifth of the instances, a tenth as fast: far fewer than 400, but they are tried again.
    expect(counts.slow).toBeLessThan(120)
    expect(counts.slow).toBeGreaterThan(10)
  })

  it('knows a slow instance as well after any number of picks', () => {
    const list = instances(5)
    const balancer = filled(list)
    const shares: number[] = []
    for (let round = 0; round < 20; round++) {
      let slow = 0
      for (let pick = 0; pick < 5_000; pick++) {
        const picked = start(balancer)
        if (picked === list[0]) slow++
        balancer.finished(picked, { ok: true, latencyMs: picked === list[0] ? 80 : 10 })
      }
      shares.push(slow / 5_000)
    }
    expect(Math.max(...shares)).toBeLessThan(0.08)
    expect(Math.min(...shares)).toBeGreaterThan(0.01)
  })

  it('deals idle instances requests as evenly as round robin nearly does', () => {
    const balancer = filled(instances(50))
    const counts: Record<string, number> = {}
    for (let request = 0; request < 5_000; request++) {
      const picked = start(balancer)
      counts[picked.id] = (counts[picked.id] ?? 0) + 1
      balancer.finished(picked, { ok: true, latencyMs: 10 })
    }
    // Chance alone has a deviation of 10 around 100.
    expect(Math.min(...Object.values(counts))).toBeGreaterThanOrEqual(94)
    expect(Math.max(...Object.values(counts))).toBeLessThanOrEqual(106)
  })

  it('keeps to the weights while idle', () => {
    const picks = 11_000
    const balancer = filled(weighted({ a: 10, b: 1 }))
    let b = 0
    for (let pick = 0; pick < picks; pick++) {
      const picked = start(balancer)
      if (picked.id === 'b') b++
      balancer.finished(picked, { ok: true, latencyMs: 10 })
    }
    expect(Math.abs(b - 1_000)).toBeLessThan(200)
  })

  it('gives an instance that fails fast no more than the others', () => {
    const list = instances(10)
    const balancer = filled(list)
    let toBroken = 0
    for (let request = 0; request < 5_000; request++) {
      const picked = start(balancer)
      if (picked === list[0]) toBroken++
      balancer.finished(picked, picked === list[0] ? { ok: false, latencyMs: 0.1 } : { ok: true, latencyMs: 20 })
    }
    expect(toBroken).toBeLessThan(400)
  })

  it('is not confused by a latency that is none', () => {
    const list = instances(6)
    const balancer = filled(list)
    for (const latencyMs of [Number.NaN, -1, Number.POSITIVE_INFINITY, Number.MAX_VALUE]) {
      for (const member of list) {
        balancer.started(member)
        balancer.finished(member, { ok: true, latencyMs })
      }
    }
    expect(new Set(Array.from({ length: 200 }, () => balancer.pick())).size).toBe(6)
  })

  it('does not look at load when the bias is 0', () => {
    const picks = 20_000
    const balancer = filled(weighted({ a: 3, b: 1 }), { activeRequestBias: 0 })
    let a = 0
    for (let pick = 0; pick < picks; pick++) if (start(balancer).id === 'a') a++
    expect(Math.abs(a - picks * 0.75)).toBeLessThan(fiveDeviations(picks, 0.75))
  })

  it('spreads what a busy one does not get evenly over the others', () => {
    const picks = 9_000
    const list = instances(4)
    const balancer = filled(list)
    for (let request = 0; request < 5; request++) balancer.started(list[0] as ServiceInstance)
    const counts: Record<string, number> = {}
    for (let pick = 0; pick < picks; pick++) {
      const { id } = balancer.pick() as ServiceInstance
      counts[id] = (counts[id] ?? 0) + 1
    }
    for (const id of ['i1', 'i2', 'i3']) {
      expect(Math.abs((counts[id] ?? 0) - picks / 3)).toBeLessThan(fiveDeviations(picks, 1 / 3))
    }
  })

  it('avoids a busy one also among those that are not to be avoided', () => {
    const list = instances(3)
    const balancer = filled(list)
    balancer.started(list[1] as ServiceInstance)
    for (let pick = 0; pick < 50; pick++) expect(balancer.pick({ avoid: new Set(['i0']) })).toBe(list[2])
    for (let pick = 0; pick < 50; pick++) expect(balancer.pick({ avoid: new Set(['i0', 'i2']) })).toBe(list[1])
  })

  it('gives members only, none of weight 0 among positive ones, and none to be avoided, through any changes', () => {
    fc.assert(
      fc.property(churn, fc.integer(), (steps, seed) => {
        const balancer = new LeastRequestBalancer({ random: seededRandom(seed) })
        const inFlight: ServiceInstance[] = []
        let list: ServiceInstance[] = []
        for (const step of steps) {
          list = changed(list, step)
          balancer.update(list)
          const avoid = new Set(step.type === 'avoid' ? step.ids : [])
          const allowed = positive(list).filter(({ id }) => !avoid.has(id))
          const picked = balancer.pick({ avoid })
          if (list.length === 0) expect(picked).toBeUndefined()
          else expect(allowed.length > 0 ? allowed : list).toContain(picked)
          if (picked !== undefined) balancer.started(picked)
          if (picked !== undefined) inFlight.push(picked)
          if (inFlight.length > 3) balancer.finished(inFlight.shift() as ServiceInstance)
        }
      }),
      churnRuns,
    )
  })

  it.each([0, 1, Number.NaN, 1 - 2 ** -53])('gives a member of positive weight when random gives %d', (value) => {
    const balancer = filled(weighted({ a: 0, b: 3, c: 0.1, d: 0, e: 7, f: 1, g: 1 }), { random: () => value })
    for (let pick = 0; pick < 20; pick++) expect(['b', 'c', 'e', 'f', 'g']).toContain(start(balancer).id)
    expect(['b', 'c', 'f', 'g']).toContain(balancer.pick({ avoid: new Set(['e']) })?.id)
  })

  it.each([
    [{ choice: 3 }, 'LeastRequestBalancer.choice is not a known option. Did you mean choices?'],
    [{ choices: 1 }, 'LeastRequestBalancer.choices must be an integer in [2, 10], got 1 (number)'],
    [{ choices: 11 }, 'LeastRequestBalancer.choices must be an integer in [2, 10], got 11 (number)'],
    [{ activeRequestBias: -1 }, 'LeastRequestBalancer.activeRequestBias must be a finite number in [0, 100], got -1'],
    [{ activeRequestBias: Number.NaN }, 'LeastRequestBalancer.activeRequestBias must be a finite number in [0, 100]'],
    [{ random: 0.5 }, 'LeastRequestBalancer.random must be a function, got 0.5 (number)'],
    [null, 'LeastRequestBalancer must be an object, got null (object)'],
  ])('rejects the options %o', (options, message) => {
    const construct = (): unknown => Reflect.construct(LeastRequestBalancer, [options])
    expect(construct).toThrow(InvalidOptionError)
    expect(construct).toThrow(message)
  })
})
