import { instance, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { CandidateGroup } from '../health/eligibility/eligibility.ts'
import { type Balancer, LeastRequestBalancer, RandomBalancer, RoundRobinBalancer } from '../index.ts'
import { type TrafficRoute, TrafficSplit, type TrafficSplitOptions } from './traffic-split.ts'

function split(options: Partial<TrafficSplitOptions> = {}): TrafficSplit {
  return new TrafficSplit({
    newBalancer: () => new RoundRobinBalancer({ start: 0 }),
    followWeights: true,
    random: seededRandom(1),
    callbackFailed: () => {},
    ...options,
  })
}

/** A group of instances named for their key: `x0`, `x1`, … */
function group(key: string, share: number, size = 2, spillAt?: number): CandidateGroup {
  const candidates = Array.from({ length: size }, (_, index) => instance(`${key}${index}`))
  return { key, share, candidates, ...(spillAt === undefined ? undefined : { spillAt }) }
}

function countRoutes(traffic: TrafficSplit, picks: number, avoid?: ReadonlySet<string>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let pick = 0; pick < picks; pick++) {
    const { key } = traffic.next(avoid === undefined ? undefined : { avoid })
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

describe('TrafficSplit', () => {
  it('has one route, without a candidate, before anything is known', () => {
    const traffic = split()
    expect(traffic.only).toBeDefined()
    expect(traffic.next().balancer.pick()).toBeUndefined()
    expect(traffic.hasCandidateBeyond(new Set())).toBe(false)
  })

  it('says which is the only route, and that there is none of several', () => {
    const traffic = split()
    traffic.update([group('x', 1)])
    expect(traffic.only?.key).toBe('x')
    traffic.update([group('x', 0.5), group('y', 0.5)])
    expect(traffic.only).toBeUndefined()
    expect(traffic.first.key).toBe('x')
  })

  it.each([
    [{ x: 0.7, y: 0.3 }, 100],
    [{ x: 0.35, y: 0.65 }, 100],
    [{ x: 0.99, y: 0.01 }, 100],
    [{ x: 0.625, y: 0.25, z: 0.125 }, 80],
    [{ x: 0.4, y: 0.4, z: 0.2 }, 50],
  ])('gives each route exactly its share in every cycle: %o', (shares, cycle) => {
    const traffic = split()
    traffic.update(Object.entries(shares).map(([key, share]) => group(key, share)))
    const expected = Object.fromEntries(Object.entries(shares).map(([key, share]) => [key, Math.round(share * cycle)]))
    for (let round = 0; round < 20; round++) expect(countRoutes(traffic, cycle)).toEqual(expected)
  })

  it('never gives a turn to a share of 0', () => {
    const traffic = split()
    traffic.update([group('x', 1), group('y', 0)])
    expect(countRoutes(traffic, 1_000)).toEqual({ x: 1_000 })
  })

  it('empties the balancers of the routes that are gone', () => {
    const traffic = split()
    traffic.update([group('x', 0.5), group('y', 0.5)])
    const routes = [traffic.next(), traffic.next()]
    const y = routes.find(({ key }) => key === 'y') as TrafficRoute
    traffic.update([group('x', 1)])
    expect(y.balancer.pick()).toBeUndefined()
    traffic.update([])
    expect(traffic.next().balancer.pick()).toBeUndefined()
  })

  it('gives a route that comes back its balancer and what it knows', () => {
    const balancers: Balancer[] = []
    const traffic = split({
      newBalancer: () => {
        const made = new LeastRequestBalancer()
        balancers.push(made)
        return made
      },
    })
    for (let round = 0; round < 5; round++) {
      traffic.update([group('x', 0.5), group('y', 0.5)])
      traffic.update([group('x', 1)])
    }
    // The one that is there from the start, x and y.
    expect(balancers).toHaveLength(3)
  })

  it('forgets routes that nobody uses, so that names of zones cannot pile up', () => {
    let made = 0
    const traffic = split({
      newBalancer: () => {
        made++
        return new RandomBalancer()
      },
    })
    for (let zone = 0; zone < 500; zone++) traffic.update([group(`zone${zone}`, 1)])
    const before = made
    traffic.update([group('zone0', 1)])
    expect(made).toBe(before + 1)
    traffic.update([group('zone499', 1)])
    expect(made).toBe(before + 1)
  })

  it('keeps what is in flight on a route that was forgotten', () => {
    const traffic = split()
    traffic.update([group('x', 1)])
    const route = traffic.next()
    route.started(instance('x0'))
    for (let zone = 0; zone < 200; zone++) traffic.update([group(`zone${zone}`, 1)])
    route.finished(instance('x0'), { ok: true, latencyMs: 1 })
    expect(route.inFlight).toBe(0)
  })
})

describe('a request with a hash key', () => {
  it('goes to the same group as long as the shares stay, and keys spread by share', () => {
    const traffic = split()
    const groups = [group('x', 0.7), group('y', 0.3)]
    traffic.update(groups)
    const owner = (key: string): string => traffic.next({ hashKey: key }).key
    const keys = Array.from({ length: 10_000 }, (_, index) => `user-${index}`)
    const before = keys.map(owner)
    countRoutes(traffic, 7)
    traffic.update(groups.map(({ key, share }) => group(key, share, 3)))
    expect(keys.map(owner)).toEqual(before)
    // Binomial: √(10 000 × 0.7 × 0.3) = 46, five of them.
    expect(Math.abs(before.filter((key) => key === 'x').length - 7_000)).toBeLessThan(230)
  })

  it('moves as few keys as the shares changed', () => {
    const traffic = split()
    const keys = Array.from({ length: 10_000 }, (_, index) => `user-${index}`)
    const owners = (share: number): string[] => {
      traffic.update([group('x', share), group('y', 1 - share)])
      return keys.map((hashKey) => traffic.next({ hashKey }).key)
    }
    const [before, after] = [owners(0.7), owners(0.6)]
    const moved = before.filter((key, index) => key !== after[index]).length
    // A tenth of them: √(10 000 × 0.1 × 0.9) = 30, five of them.
    expect(Math.abs(moved - 1_000)).toBeLessThan(150)
  })

  it('goes elsewhere only when all of its group is to be avoided', () => {
    const traffic = split()
    traffic.update([group('x', 0.5), group('y', 0.5)])
    const hashKey = 'user-1'
    const { key } = traffic.next({ hashKey })
    const other = key === 'x' ? 'y' : 'x'
    expect(traffic.next({ hashKey, avoid: new Set([`${key}0`]) }).key).toBe(key)
    expect(traffic.next({ hashKey, avoid: new Set([`${key}0`, `${key}1`]) }).key).toBe(other)
  })
})

describe('a request that avoids somebody', () => {
  it('goes to another group when all of one are to be avoided, and takes nobody its turn', () => {
    const traffic = split()
    traffic.update([group('x', 0.7), group('y', 0.2), group('z', 0.1)])
    const avoid = new Set(['x0', 'x1', 'somebody'])
    expect(countRoutes(traffic, 300, avoid)).toEqual({ y: 200, z: 100 })
    for (let round = 0; round < 10; round++) {
      countRoutes(traffic, 3, avoid)
      expect(countRoutes(traffic, 10)).toEqual({ x: 7, y: 2, z: 1 })
    }
  })

  it('goes to a group without a share rather than to one that is to be avoided', () => {
    const traffic = split()
    traffic.update([group('x', 1), group('y', 0)])
    expect(traffic.next({ avoid: new Set(['x0', 'x1']) }).key).toBe('y')
  })

  it('gets a route all the same when everybody is to be avoided', () => {
    const traffic = split()
    traffic.update([group('x', 0.5), group('y', 0.5)])
    const everybody = new Set(['x0', 'x1', 'y0', 'y1'])
    expect(['x', 'y']).toContain(traffic.next({ avoid: everybody }).key)
    expect(traffic.hasCandidateBeyond(everybody)).toBe(false)
    expect(traffic.hasCandidateBeyond(new Set(['x0', 'x1', 'y0']))).toBe(true)
  })
})

describe('a group that may spill', () => {
  function loaded(local: number, others: number): TrafficSplit {
    const traffic = split()
    traffic.update([group('x', 1, 2, 1.5), group('y', 0, 4)])
    const x = traffic.next()
    const y = traffic.next({ avoid: new Set(['x0', 'x1']) })
    for (let request = 0; request < local; request++) x.started(instance('x0'))
    for (let request = 0; request < others; request++) y.started(instance('y0'))
    return traffic
  }

  it.each([
    ['not while it has at most one request for each instance', 2, 0, 'x'],
    ['when it has more, and the others nothing to do', 3, 0, 'y'],
    ['not at 1.5 times the load of the others', 6, 8, 'x'],
    ['above 1.5 times the load of the others', 7, 8, 'y'],
  ])('does so %s', (_, local, others, expected) => {
    expect(loaded(local, others).next().key).toBe(expected)
  })

  it('never spills to where everybody is to be avoided', () => {
    const avoid = new Set(['y0', 'y1', 'y2', 'y3'])
    expect(loaded(100, 0).next({ avoid }).key).toBe('x')
  })
})

describe('weights', () => {
  it('are followed by each route on its own once they differ, and ever after', () => {
    const traffic = split()
    const groups = (weight: number): CandidateGroup[] => [
      { key: 'x', share: 0.5, candidates: [instance('x0', { weight }), instance('x1')] },
      group('y', 0.5),
    ]
    traffic.update(groups(1))
    const routes = new Map([traffic.next(), traffic.next()].map((route) => [route.key, route]))
    expect(routes.get('x')?.balancer).toBeInstanceOf(RoundRobinBalancer)
    traffic.update(groups(3))
    const x = routes.get('x') as TrafficRoute
    const picks = Array.from({ length: 8 }, () => x.balancer.pick()?.id)
    expect(picks.filter((id) => id === 'x0')).toHaveLength(6)
    expect(routes.get('y')?.balancer).toBeInstanceOf(RoundRobinBalancer)
    const { balancer } = x
    traffic.update(groups(1))
    expect(x.balancer).toBe(balancer)
  })

  it('are not followed when the application chose round robin', () => {
    const traffic = split({ followWeights: false })
    traffic.update([{ key: 'x', share: 1, candidates: [instance('x0', { weight: 3 }), instance('x1')] }])
    expect(traffic.next().balancer).toBeInstanceOf(RoundRobinBalancer)
  })
})
