import { FakeClock, instance, seededRandom, weighted } from '@lb/testing'
import { describeBalancer } from '@lb/testing/suites'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import type { Balancer } from './balancer.ts'
import { balancerByName, checkBalancerName } from './balancer-by-name.ts'
import { type BalancerName, balancerNames } from './balancer-name.ts'
import { GroupedBalancer } from './grouped.ts'
import { MaglevBalancer } from './hashing/maglev.ts'
import { RingHashBalancer } from './hashing/ring-hash.ts'
import { LeastRequestBalancer } from './load-aware/least-request.ts'
import { PeakEwmaBalancer } from './load-aware/peak-ewma.ts'
import { ProbingBalancer } from './probing/probing.ts'
import { RandomBalancer } from './random.ts'
import { RoundRobinBalancer } from './round-robin.ts'
import { SmoothWeightedRoundRobinBalancer } from './smooth-weighted/smooth-weighted-round-robin.ts'

const byName = (name: BalancerName) => (options: { random: () => number }) =>
  balancerByName(name, { ...options, clock: new FakeClock() })

describeBalancer('round-robin', byName('round-robin'), { sequential: true })
describeBalancer('smooth-weighted-round-robin', byName('smooth-weighted-round-robin'), {
  weights: 'exact',
  sequential: true,
})
describeBalancer('grouped', byName('grouped'), { weights: 'exact', sequential: true })
describeBalancer('random', byName('random'), { weights: 'statistical' })
describeBalancer('least-request', byName('least-request'), { weights: 'statistical', looksAtLoad: true })
describeBalancer('peak-ewma', byName('peak-ewma'), { weights: 'statistical', looksAtLoad: true })
// For maglev see maglev.test.ts: a thousand of its large tables take seconds.
describeBalancer('ring-hash', byName('ring-hash'), { weights: 'approximate', hashes: true })

const all: readonly [BalancerName, new () => Balancer][] = [
  ['round-robin', RoundRobinBalancer],
  ['smooth-weighted-round-robin', SmoothWeightedRoundRobinBalancer],
  ['grouped', GroupedBalancer],
  ['random', RandomBalancer],
  ['least-request', LeastRequestBalancer],
  ['peak-ewma', PeakEwmaBalancer],
  ['probing', ProbingBalancer],
  ['ring-hash', RingHashBalancer],
  ['maglev', MaglevBalancer],
]

describe('balancerByName', () => {
  it('is tried with every name', () => {
    expect(all.map(([name]) => name)).toEqual(balancerNames)
  })

  it.each(all)('gives a new balancer of its own for %s', (name, type) => {
    const balancer = byName(name)({ random: seededRandom(1) })
    expect(balancer).toBeInstanceOf(type)
    expect(byName(name)({ random: seededRandom(1) })).not.toBe(balancer)
  })

  it.each(all)('takes all chance of %s from the given generator', (name) => {
    const sequence = (seed: number): string[] => {
      const balancer = byName(name)({ random: seededRandom(seed) })
      balancer.update(weighted({ a: 3, b: 2, c: 1 }))
      return Array.from({ length: 30 }, () => balancer.pick()?.id ?? 'nobody')
    }
    for (let seed = 0; seed < 20; seed++) expect(sequence(seed)).toEqual(sequence(seed))
  })

  it('takes the time of peak-ewma from the given clock', () => {
    const clock = new FakeClock()
    const [a, b] = [instance('a'), instance('b')]
    const balancer = balancerByName('peak-ewma', { random: seededRandom(1), clock })
    balancer.update([a, b])
    balancer.started?.(a)
    balancer.started?.(b)
    balancer.finished?.(a, { ok: true, latencyMs: 100 })
    clock.advanceSync(10_000)
    balancer.finished?.(b, { ok: true, latencyMs: 50 })
    // 100 ms came down to 37 ms.
    expect(balancer.pick()).toBe(a)
  })
})

describe('checkBalancerName', () => {
  it.each(all)('accepts %s', (name) => {
    expect(() => checkBalancerName('balancer', name)).not.toThrow()
  })

  it('names the nearest for a misspelt name', () => {
    const check = (): void => checkBalancerName('services.user-service.balancer', 'round-robbin')
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(
      'services.user-service.balancer must be one of round-robin, smooth-weighted-round-robin, grouped, random, ' +
        'least-request, peak-ewma, probing, ring-hash, maglev, or a function that gives a Balancer, got "round-robbin" (string). Did you mean round-robin?',
    )
  })

  it('names no nearest for a name that is like none', () => {
    expect(() => checkBalancerName('balancer', 'consistent')).toThrow(/got "consistent" \(string\)$/)
  })

  it.each(['toString', 'constructor', '__proto__', '', 'Random'])('rejects %j', (name) => {
    expect(() => checkBalancerName('balancer', name)).toThrow(InvalidOptionError)
  })
})
