import { instance, instances, seededRandom, weighted } from '@lb/testing'
import { describeBalancer } from '@lb/testing/suites'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changed, churn, churnRuns, countPicks } from '../../test/churn.ts'
import { fiveDeviations } from '../../test/tolerance.ts'
import { InvalidOptionError } from '../base/errors.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import { RoundRobinBalancer, type RoundRobinOptions } from './round-robin.ts'
import { SharedCounter } from './shared-counter.ts'

describeBalancer('RoundRobinBalancer', (options) => new RoundRobinBalancer(options), { sequential: true })

function filled(options: RoundRobinOptions, list: readonly ServiceInstance[]): RoundRobinBalancer {
  const balancer = new RoundRobinBalancer(options)
  balancer.update(list)
  return balancer
}

function take(balancer: RoundRobinBalancer, count: number, avoid?: string[]): string {
  const request = avoid === undefined ? undefined : { avoid: new Set(avoid) }
  return Array.from({ length: count }, () => balancer.pick(request)?.id ?? '-').join('')
}

const abc = weighted({ a: 1, b: 1, c: 1 })

describe('RoundRobinBalancer', () => {
  it.each([
    [0, 'abcabc'],
    [1, 'bcabca'],
    [2, 'cabcab'],
    [3, 'abcabc'],
    [Number.MAX_SAFE_INTEGER, 'bcabca'],
  ])('starts at %i', (start, expected) => {
    expect(take(filled({ start }, abc), 6)).toBe(expected)
  })

  it('does not look at weights', () => {
    expect(take(filled({ start: 0 }, weighted({ a: 5, b: 0, c: 0.1 })), 6)).toBe('abcabc')
  })

  it('starts at `start` again after it was emptied', () => {
    const balancer = filled({ start: 1 }, abc)
    take(balancer, 3)
    balancer.update([])
    balancer.update(abc)
    expect(take(balancer, 3)).toBe('bca')
  })

  it.each(['ab', 'ba', 'abc', 'acb', 'bac', 'bca', 'cab', 'cba'])('starts at each of %s equally often', (order) => {
    const clients = 6_000
    const random = seededRandom(1)
    const list = Array.from(order, (id) => instance(id))
    const sequences = Array.from({ length: clients }, () => take(filled({ random }, list), order.length))
    const share = 1 / order.length
    for (const first of order) {
      const at = order.indexOf(first)
      const rotated = order.slice(at) + order.slice(0, at)
      const count = sequences.filter((sequence) => sequence === rotated).length
      expect(Math.abs(count - clients * share)).toBeLessThan(fiveDeviations(clients, share))
    }
  })

  it('spreads the first picks of 1 000 fresh clients evenly', () => {
    const clients = 1_000
    const random = seededRandom(2)
    const firsts = Array.from({ length: clients }, () => filled({ random }, instances(7)).pick()?.id)
    for (const { id } of instances(7)) {
      const count = firsts.filter((first) => first === id).length
      expect(Math.abs(count - clients / 7)).toBeLessThan(fiveDeviations(clients, 1 / 7))
    }
  })

  it('spreads the next picks of 1 000 clients evenly when every instance was replaced', () => {
    const clients = 1_000
    const random = seededRandom(3)
    const replaced = weighted({ u: 1, v: 1, w: 1, x: 1 })
    const nexts = Array.from({ length: clients }, () => {
      const balancer = filled({ random }, abc)
      balancer.pick()
      balancer.update(replaced)
      return balancer.pick()?.id
    })
    for (const { id } of replaced) {
      const count = nexts.filter((next) => next === id).length
      expect(Math.abs(count - clients / 4), id).toBeLessThan(fiveDeviations(clients, 1 / 4))
    }
  })

  it.each([Number.NaN, 1, -1, 2])('goes round when random gives %d', (value) => {
    expect(new Set(take(filled({ random: () => value }, abc), 3))).toEqual(new Set('abc'))
  })
})

describe('RoundRobinBalancer, when the list changes', () => {
  const d = instance('d')
  const [a, b, c] = abc as [ServiceInstance, ServiceInstance, ServiceInstance]

  it.each([
    ['one before leaves', [b, c, d], 'cdb'],
    ['the next one leaves', [a, b, d], 'dab'],
    ['the next two leave', [a, b], 'aba'],
    ['one joins at the front', [instance('z'), a, b, c, d], 'cdz'],
    ['the order is reversed', [d, c, b, a], 'cba'],
    ['only a passed one stays', [instance('x'), b, instance('y')], 'byx'],
  ])('goes on where it was when %s', (_, list, expected) => {
    const balancer = filled({ start: 0 }, [a, b, c, d])
    expect(take(balancer, 2)).toBe('ab')
    balancer.update(list)
    expect(take(balancer, 3)).toBe(expected)
  })

  it('follows an oracle through any changes', () => {
    fc.assert(
      fc.property(churn, fc.nat(20), (steps, start) => {
        const balancer = new RoundRobinBalancer({ start })
        const oracle = new TurnQueue()
        let list: ServiceInstance[] = []
        for (const step of steps) {
          list = changed(list, step)
          balancer.update(list)
          oracle.update(list, start)
          if (step.type === 'avoid') oracle.expectAvoiding(balancer, list, new Set(step.ids))
          if (list.length === 0) expect(balancer.pick()).toBeUndefined()
          else for (let pick = 0; pick < (step.type === 'pick' ? step.times : 0); pick++) oracle.expectNext(balancer)
        }
      }),
      churnRuns,
    )
  })

  it('is exact in any window of one round after a change', () => {
    fc.assert(
      fc.property(churn, fc.nat(9), (steps, skipped) => {
        const balancer = new RoundRobinBalancer({ random: seededRandom(skipped) })
        let list: ServiceInstance[] = []
        for (const step of steps) {
          list = changed(list, step)
          balancer.update(list)
        }
        countPicks(balancer, skipped)
        const once = Object.fromEntries(list.map(({ id }) => [id, 1]))
        for (let round = 0; round < 3; round++) expect(countPicks(balancer, list.length)).toEqual(once)
      }),
      churnRuns,
    )
  })
})

describe('RoundRobinBalancer, when instances are to be avoided', () => {
  it('spreads such picks evenly over the others', () => {
    const balancer = filled({ start: 0 }, weighted({ a: 1, b: 1, c: 1, d: 1 }))
    expect(take(balancer, 6, ['a'])).toBe('bcdbcd')
    expect(take(balancer, 4, ['b', 'd'])).toBe('acac')
  })

  it('does not take the turn of anybody', () => {
    const balancer = filled({ start: 0 }, abc)
    let sequence = ''
    for (let pick = 0; pick < 6; pick++) {
      sequence += take(balancer, 1)
      take(balancer, pick, ['b'])
    }
    expect(sequence).toBe('abcabc')
  })

  it('spreads the retries of one failing instance evenly over the others', () => {
    const balancer = filled({ random: seededRandom(4) }, instances(5))
    const retried: Record<string, number> = {}
    for (let pick = 0; pick < 1_000; pick++) {
      if (balancer.pick()?.id !== 'i2') continue
      const id = balancer.pick({ avoid: new Set(['i2']) })?.id ?? ''
      retried[id] = (retried[id] ?? 0) + 1
    }
    expect(retried).toEqual({ i0: 50, i1: 50, i3: 50, i4: 50 })
  })

  it('goes on as if nobody was when that is everybody', () => {
    const balancer = filled({ start: 0 }, abc)
    expect(take(balancer, 4, ['a', 'b', 'c'])).toBe('abca')
    expect(take(balancer, 2)).toBe('bc')
  })

  it('keeps its place among such picks when the list changes', () => {
    const balancer = filled({ start: 0 }, weighted({ a: 1, b: 1, c: 1, d: 1 }))
    expect(take(balancer, 2, ['a'])).toBe('bc')
    balancer.update(weighted({ d: 1, e: 1, a: 1 }))
    expect(take(balancer, 3, ['a'])).toBe('ded')
  })
})

describe('RoundRobinBalancer with a shared counter', () => {
  it('shares one sequence with the others', () => {
    const counter = new SharedCounter()
    const left = filled({ counter }, abc)
    const right = filled({ counter: new SharedCounter(counter.buffer) }, abc)
    expect(take(left, 1) + take(right, 2) + take(left, 2) + take(right, 1)).toBe('abcabc')
  })

  it('goes round across the end of the counter', () => {
    const buffer = new SharedArrayBuffer(4)
    new Uint32Array(buffer)[0] = 2 ** 32 - 4
    expect(take(filled({ counter: new SharedCounter(buffer) }, abc), 9)).toMatch(/^(abc){3}$|^(bca){3}$|^(cab){3}$/)
  })

  it('leaves the counter alone when there is no candidate, and when it avoids somebody', () => {
    const counter = new SharedCounter()
    const balancer = new RoundRobinBalancer({ counter })
    expect(balancer.pick()).toBeUndefined()
    balancer.update(abc)
    expect(take(balancer, 5, ['a'])).not.toContain('a')
    expect(counter.next()).toBe(0)
  })
})

describe('RoundRobinBalancer, given bad options', () => {
  it.each([
    [{ stat: 0 }, 'RoundRobinBalancer.stat is not a known option. Did you mean start?'],
    [{ weights: {} }, 'RoundRobinBalancer.weights is not a known option. Known: start, counter, random'],
    [{ start: -1 }, 'RoundRobinBalancer.start must be an integer ≥ 0, got -1 (number)'],
    [{ start: 0.5 }, 'RoundRobinBalancer.start must be an integer'],
    [{ start: '0' }, 'RoundRobinBalancer.start must be an integer'],
    [{ start: Number.NaN }, 'RoundRobinBalancer.start must be an integer'],
    [{ random: 1 }, 'RoundRobinBalancer.random must be a function, got 1 (number)'],
    [{ counter: {} }, 'RoundRobinBalancer.counter must be a SharedCounter, got an object (object)'],
    [{ counter: null }, 'RoundRobinBalancer.counter must be a SharedCounter, got null (object)'],
    [{ counter: new SharedArrayBuffer(4) }, 'RoundRobinBalancer.counter must be a SharedCounter'],
    [{ counter: new SharedCounter(), start: 0 }, 'RoundRobinBalancer.start must be absent when counter is given'],
    [null, 'RoundRobinBalancer must be an object, got null (object)'],
  ])('rejects %o', (options, message) => {
    const construct = (): unknown => Reflect.construct(RoundRobinBalancer, [options])
    expect(construct).toThrow(InvalidOptionError)
    expect(construct).toThrow(message)
  })
})

/** Round robin as a queue of ids, the next one first. */
class TurnQueue {
  #queue: string[] = []

  update(list: readonly ServiceInstance[], start: number): void {
    const ids = list.map(({ id }) => id)
    const due = this.#queue.find((id) => ids.includes(id))
    // Without survivors, it starts afresh.
    if (ids.length > 0) this.#queue = rotated(ids, due === undefined ? start % ids.length : ids.indexOf(due))
    else this.#queue = []
  }

  expectNext(balancer: RoundRobinBalancer): void {
    expect(balancer.pick()?.id).toBe(this.#queue[0])
    this.#queue = rotated(this.#queue, 1)
  }

  expectAvoiding(balancer: RoundRobinBalancer, list: readonly ServiceInstance[], avoid: ReadonlySet<string>): void {
    const allowed = list.filter(({ id }) => !avoid.has(id))
    if (allowed.length === 0 || list.length === 1 || avoid.size === 0) return
    for (let pick = 0; pick < 3; pick++) expect(allowed).toContain(balancer.pick({ avoid }))
  }
}

function rotated(ids: readonly string[], by: number): string[] {
  return [...ids.slice(by), ...ids.slice(0, by)]
}
