import { FakeClock, FakeWatchDiscovery, seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  InvalidOptionError,
  LoadBalancer,
  type LoadBalancerEvent,
  type LoadBalancerOptions,
  NoAvailableInstanceError,
  RoundRobinBalancer,
  type ServiceInstanceInit,
} from '../src/index.ts'
import { maxSubsets } from '../src/service/metadata-subsets.ts'

type Init = Exclude<ServiceInstanceInit, string> & { readonly id: string }

function instance(id: string, metadata: Record<string, string>, further: Partial<Init> = {}): Init {
  return { id, host: '10.0.0.1', port: 80, metadata, ...further }
}

function started(instances: readonly Init[], options: Partial<LoadBalancerOptions> = {}) {
  const clock = new FakeClock()
  const discovery = new FakeWatchDiscovery(instances)
  const lb = new LoadBalancer({
    discovery,
    clock,
    random: seededRandom(1),
    routing: { keys: ['version'] },
    ...options,
  })
  const pickIds = (times: number, match?: Record<string, string | undefined>): string[] =>
    Array.from({ length: times }, () => lb.pick('users', { match }).id)
  return { clock, discovery, lb, pickIds, ready: lb.ready('users') }
}

const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
const v1 = { version: 'v1' }
const v2 = { version: 'v2' }
const two = [instance('a', v1), instance('b', v1), instance('c', v2), instance('d', v2)]

function counts(ids: readonly string[]): Record<string, number> {
  const result: Record<string, number> = {}
  for (const id of ids) result[id] = (result[id] ?? 0) + 1
  return result
}

describe('a match', () => {
  it('leads to the instances whose metadata say so, by every way to choose one', async () => {
    const { lb, pickIds, ready } = started(two)
    await ready
    expect(counts(pickIds(10, v2))).toEqual({ c: 5, d: 5 })
    expect(counts(pickIds(8))).toEqual({ a: 2, b: 2, c: 2, d: 2 })
    const taken = [
      await lb.acquire('users', { match: v1 }),
      await lb.acquire('users', { match: v1 }),
      lb.tryAcquire('users', { match: v1 }),
      lb.tryAcquire('users', { match: v1 }),
    ]
    expect(counts(taken.map((each) => each?.instance.id ?? ''))).toEqual({ a: 2, b: 2 })
    const ran = await Promise.all([1, 2, 3, 4].map(() => lb.execute('users', ({ id }) => id, { match: v2 })))
    expect(counts(ran)).toEqual({ c: 2, d: 2 })
    await lb.close()
  })

  it('that says nothing of the keys leads to any instance, and is reported once', async () => {
    const { lb, pickIds, ready } = started(two)
    const events: LoadBalancerEvent[] = []
    lb.subscribe((event) => events.push(event), ['match-ignored'])
    await ready
    expect(counts(pickIds(4, { version: undefined }))).toEqual({ a: 1, b: 1, c: 1, d: 1 })
    expect(events).toEqual([])
    expect(counts(pickIds(8, { tenant: 'x' }))).toEqual({ a: 2, b: 2, c: 2, d: 2 })
    expect(events).toMatchObject([{ type: 'match-ignored', service: 'users' }])
    expect(lb.inspect('users').subsets).toEqual([])
    await lb.close()
  })

  it('is ignored without routing, and reported', async () => {
    const { lb, pickIds, ready } = started(two, { routing: false })
    const events: LoadBalancerEvent[] = []
    lb.subscribe((event) => events.push(event), ['match-ignored'])
    await ready
    expect(counts(pickIds(8, v2))).toEqual({ a: 2, b: 2, c: 2, d: 2 })
    expect(events).toHaveLength(1)
    expect(lb.inspect('users').subsets).toBeUndefined()
    await lb.close()
  })

  it('of several keys leads to those that say all of it', async () => {
    const { lb, pickIds, ready } = started(
      [
        instance('a', { version: 'v1', tenant: 'x' }),
        instance('b', { version: 'v2', tenant: 'x' }),
        instance('c', { version: 'v2', tenant: 'y' }),
      ],
      { routing: { keys: ['version', 'tenant'] } },
    )
    await ready
    expect(pickIds(2, { tenant: 'x', version: 'v2' })).toEqual(['b', 'b'])
    expect(counts(pickIds(4, { tenant: 'x' }))).toEqual({ a: 2, b: 2 })
    expect(() => lb.pick('users', { match: { tenant: 'y', version: 'v1' } })).toThrow(NoAvailableInstanceError)
    expect(lb.inspect('users').subsets).toEqual([
      { values: { version: 'v2', tenant: 'x' }, candidates: ['b'] },
      { values: { tenant: 'x' }, candidates: ['a', 'b'] },
    ])
    await lb.close()
  })

  it('with a value that is no string is refused', async () => {
    const { lb, ready } = started(two, { maxInFlight: 1 })
    await ready
    const match = { version: ['v1', 'v2'] } as never
    expect(() => lb.pick('users', { match })).toThrow(/match\.version must be a string, or absent/)
    await expect(lb.execute('users', () => 1, { match })).rejects.toThrow(InvalidOptionError)
    const held = await lb.acquire('users')
    await expect(lb.acquire('users', { match })).rejects.toThrow(InvalidOptionError)
    held.done({ ok: true, latencyMs: 1 })
    await lb.close()
  })
})

describe('where no instance matches', () => {
  it('a call fails, and says why in bounded length', async () => {
    const { lb, ready } = started(two)
    await ready
    expect(() => lb.pick('users', { match: { version: 'v9' } })).toThrow(/none that can be used with version "v9"/)
    const attempt = lb.execute('users', () => 1, { match: { version: 'x'.repeat(100_000) } })
    const error = await attempt.catch((each: unknown) => each)
    expect(error).toMatchObject({ code: 'LB_NO_AVAILABLE_INSTANCE' })
    expect(String(error).length).toBeLessThan(500)
    await lb.close()
  })

  it('any instance takes it with the fallback any', async () => {
    const { lb, pickIds, ready } = started(two, { routing: { keys: ['version'], fallback: 'any' } })
    await ready
    expect(counts(pickIds(8, { version: 'v9' }))).toEqual({ a: 2, b: 2, c: 2, d: 2 })
    await lb.close()
  })

  it('those of the fallback take it', async () => {
    const { lb, pickIds, ready } = started(two, { routing: { keys: ['version'], fallback: v1 } })
    await ready
    expect(counts(pickIds(8, { version: 'v9' }))).toEqual({ a: 4, b: 4 })
    await lb.close()
  })

  it('values of requests make no subset, and values of instances a bounded number', async () => {
    const many = Array.from({ length: maxSubsets + 200 }, (_, index) => instance(`i${index}`, { version: `v${index}` }))
    const { lb, ready } = started(many, { routing: { keys: ['version'], fallback: 'any' } })
    await ready
    for (let index = 0; index < 5_000; index++) lb.pick('users', { match: { version: `hostile ${index}` } })
    expect(lb.inspect('users').subsets).toEqual([])
    for (const { id, metadata = {} } of many) {
      expect(lb.pick('users', { match: { version: 'v0' } }).id).toBe('i0')
      expect(lb.pick('users', { match: metadata }).id).toBe(id)
    }
    const subsets = lb.inspect('users').subsets ?? []
    expect(subsets).toHaveLength(maxSubsets)
    // One that is in use stays.
    expect(subsets.map(({ values }) => values.version)).toContain('v0')
    await lb.close()
  })
})

describe('a subset', () => {
  it('has exact shares, whatever else is asked for in between', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
    const fleet = fc.tuple(weights, weights)
    const matches = fc.array(fc.constantFrom(v1, v2, undefined), { minLength: 1, maxLength: 200 })
    return fc.assert(
      fc.asyncProperty(fleet, matches, async ([first, second], requests) => {
        const of = (name: string, version: Record<string, string>, weightsOf: readonly number[]): Init[] =>
          weightsOf.map((weight, index) => instance(`${name}${index}`, version, { weight }))
        const fleetOf = [...of('a', v1, first), ...of('b', v2, second)]
        const { lb, ready } = started(fleetOf, { balancer: 'smooth-weighted-round-robin' })
        await ready
        const picked = new Map<Record<string, string> | undefined, string[]>(
          [v1, v2, undefined].map((each) => [each, []]),
        )
        for (const match of requests) picked.get(match)?.push(lb.pick('users', { match }).id)
        for (const [match, ids] of picked) {
          const members = fleetOf.filter(({ metadata }) => match === undefined || metadata === match)
          const total = members.reduce((sum, { weight = 1 }) => sum + weight, 0)
          const got = counts(ids)
          expect(Object.keys(got).every((id) => members.some((each) => each.id === id))).toBe(true)
          // Smooth: in whole rounds exactly by weight, in between less than a round away.
          for (const { id, weight = 1 } of members) {
            const rounds = Math.floor(ids.length / total)
            const count = counts(ids.slice(0, rounds * total))[id] ?? 0
            expect(count).toBe(rounds * weight)
          }
        }
        await lb.close()
      }),
      { seed: 20_240_607, numRuns: 50 },
    )
  })

  it('keeps its state when the list changes', async () => {
    const { lb, discovery, pickIds, ready } = started(two)
    await ready
    const [last] = pickIds(3, v2).slice(-1)
    const other = last === 'c' ? 'd' : 'c'
    discovery.push([...two, instance('e', v1)])
    discovery.push([...two, instance('e', v1), instance('f', { version: 'v3' })])
    expect(pickIds(4, v2)).toEqual([other, last, other, last])
    discovery.push([...two, instance('g', v2)])
    expect(counts(pickIds(9, v2))).toEqual({ c: 3, d: 3, g: 3 })
    expect(counts(pickIds(8, v1))).toEqual({ a: 4, b: 4 })
    await lb.close()
  })

  it('follows metadata that change, and is gone with its last instance', async () => {
    const { lb, discovery, pickIds, ready } = started(two)
    await ready
    expect(counts(pickIds(4, v2))).toEqual({ c: 2, d: 2 })
    discovery.push([instance('a', v2), instance('b', v1), instance('c', v1), instance('d', v1)])
    expect(pickIds(2, v2)).toEqual(['a', 'a'])
    discovery.push([instance('b', v1)])
    expect(() => lb.pick('users', { match: v2 })).toThrow(NoAvailableInstanceError)
    expect(lb.inspect('users').subsets).toEqual([])
    await lb.close()
  })

  it('has a balancer of its own, also where the application gives the same one again, or throws', async () => {
    const same = new RoundRobinBalancer()
    for (const later of [
      () => same,
      () => Reflect.apply(Reflect.get({}, 'none'), undefined, []) as RoundRobinBalancer,
    ]) {
      let made = 0
      const { lb, pickIds, ready } = started(two, { balancer: () => (made++ === 0 ? same : later()) })
      await ready
      expect(counts(pickIds(4, v2))).toEqual({ c: 2, d: 2 })
      expect(counts(pickIds(8))).toEqual({ a: 2, b: 2, c: 2, d: 2 })
      await lb.close()
    }
  })

  it('ends what its balancers do when it is forgotten, and with its load balancer', async () => {
    const open = new Set<RoundRobinBalancer>()
    class Busy extends RoundRobinBalancer {
      constructor() {
        super()
        open.add(this)
      }

      close(): void {
        open.delete(this)
      }
    }
    const { lb, discovery, pickIds, ready } = started(two, { balancer: () => new Busy() })
    await ready
    pickIds(1, v1)
    pickIds(1, v2)
    expect(open.size).toBe(3)
    discovery.push([instance('a', v1)])
    pickIds(1, v1)
    expect(open.size).toBe(2)
    await lb.close()
    expect(open.size).toBe(0)
  })

  it('judges priorities and zones within itself', async () => {
    const { lb, pickIds, ready } = started(
      [
        instance('a', v1, { priority: 0, zone: 'here' }),
        instance('b', v1, { priority: 0, zone: 'here' }),
        instance('c', v2, { priority: 1, zone: 'there' }),
        instance('d', v2, { priority: 2, zone: 'there' }),
      ],
      { zone: 'here' },
    )
    await ready
    expect(pickIds(3, v2)).toEqual(['c', 'c', 'c'])
    await lb.close()
  })

  it('keeps equal keys on one instance', async () => {
    const { lb, ready } = started(two, { balancer: 'ring-hash' })
    await ready
    const keys = Array.from({ length: 50 }, (_, index) => `key ${index}`)
    const of = (hashKey: string): string => lb.pick('users', { match: v2, hashKey }).id
    const before = keys.map(of)
    expect(new Set(before)).toEqual(new Set(['c', 'd']))
    expect(keys.map(of)).toEqual(before)
    await lb.close()
  })
})

describe('what is known of an instance holds in every subset', () => {
  async function ejected(options: Partial<LoadBalancerOptions>) {
    const observed = started(two, { retry: false, ...options })
    await observed.ready
    for (let failure = 0; failure < 5; failure++) {
      const avoid = new Set(['a', 'b', 'd'])
      const request = observed.lb.tryAcquire('users', { avoid })
      expect(request?.instance.id).toBe('c')
      request?.done({ ok: false, latencyMs: 1, statusCode: 503 })
    }
    return observed
  }

  it('an ejection that other requests caused', async () => {
    const { lb, pickIds, clock } = await ejected({})
    expect(lb.inspect('users').instances.find(({ instance: { id } }) => id === 'c')?.state).toBe('ejected')
    expect(pickIds(4, v2)).toEqual(['d', 'd', 'd', 'd'])
    await clock.advance(600_000)
    // The one that tries it is a request that may go there.
    const first = lb.tryAcquire('users', { match: v1 })
    expect(first?.instance.metadata).toEqual(v1)
    const probe = lb.tryAcquire('users', { match: v2 })
    expect(probe?.instance.id).toBe('c')
    probe?.done({ ok: true, latencyMs: 1 })
    first?.done({ ok: true, latencyMs: 1 })
    expect(counts(pickIds(4, v2))).toEqual({ c: 2, d: 2 })
    await lb.close()
  })

  it('a weight or a drain at run time', async () => {
    const { lb, pickIds, ready } = started(two, { routing: { keys: ['version'], fallback: v1 } })
    await ready
    pickIds(1, v2)
    lb.control('users').drain('c')
    expect(pickIds(3, v2)).toEqual(['d', 'd', 'd'])
    lb.control('users').drain('d')
    expect(counts(pickIds(4, v2))).toEqual({ a: 2, b: 2 })
    lb.control('users').restore('c')
    lb.control('users').restore('d')
    lb.control('users').setWeight('c', 3)
    expect(counts(pickIds(8, v2))).toEqual({ c: 6, d: 2 })
    await lb.close()
  })

  it.each([
    ['none' as const, { c: 2, d: 2 }],
    ['any' as const, { a: 2, b: 2 }],
    [v1, { a: 2, b: 2 }],
  ])('with the fallback %j, a subset that is wholly unhealthy', async (fallback, expected) => {
    const sick = two.map((each) => (each.metadata === v2 ? { ...each, healthy: false } : each))
    const { lb, pickIds, ready } = started(sick, {
      routing: { keys: ['version'], fallback },
      panic: { threshold: 0.4 },
    })
    await ready
    expect(counts(pickIds(4, v2))).toEqual(expected)
    await lb.close()
  })

  it('and a subset without a healthy one fails where panic is off', async () => {
    const sick = two.map((each) => (each.metadata === v2 ? { ...each, healthy: false } : each))
    const { lb, ready } = started(sick, { panic: { threshold: 0.4, mode: 'fail' } })
    await ready
    expect(() => lb.pick('users', { match: v2 })).toThrow(NoAvailableInstanceError)
    await lb.close()
  })
})

describe.each(['retry', 'hedge'] as const)('a %s', (how) => {
  it.each([
    ['none' as const, ['v2', 'v2', 'v2']],
    ['any' as const, ['v2', 'v2', 'v1']],
    [v1, ['v2', 'v2', 'v1']],
  ])(
    'stays within the subset while it has an untried candidate, then the fallback %j holds',
    async (fallback, expected) => {
      const { lb, clock, ready } = started(two, {
        routing: { keys: ['version'], fallback },
        retry: { budget: false, maxRetries: 2, backoffBaseMs: 1 },
        ...(how === 'hedge' ? { hedge: { delayMs: 10, maxHedges: 2 } } : undefined),
      })
      await ready
      const went: string[] = []
      const ids = new Set<string>()
      const call = lb.execute(
        'users',
        ({ id, metadata }) => {
          went.push(metadata.version ?? '')
          ids.add(id)
          if (how === 'hedge') return new Promise<string>(() => {})
          throw refused
        },
        { idempotent: true, match: v2, timeoutMs: 1_000 },
      )
      const ended = call.catch((error: unknown) => error)
      await clock.advance(2_000)
      await ended
      // No hedge goes twice to one instance.
      expect(went).toEqual(how === 'retry' ? expected : fallback === 'none' ? ['v2', 'v2'] : [...expected, 'v1'])
      expect(ids.size).toBe(fallback === 'none' ? 2 : went.length)
      await lb.close()
    },
  )
})

it('a call that waits for its full subset keeps none of another from its instances, and goes on as soon as it can', async () => {
  const { lb, ready, clock } = started(two, { maxInFlightPerInstance: 1, queue: { maxSize: 2, maxWaitMs: 10_000 } })
  await ready
  const full = [await lb.acquire('users', { match: v2 }), await lb.acquire('users', { match: v2 })]
  const waiting = [lb.acquire('users', { match: v2 }), lb.acquire('users', { match: v2 })]
  for (let round = 0; round < 3; round++) {
    const other = await lb.acquire('users', { match: v1 })
    expect(other.instance.metadata).toEqual(v1)
    other.done({ ok: true, latencyMs: 1 })
  }
  expect(lb.inspect('users').queued).toBe(2)
  full[1]?.done({ ok: true, latencyMs: 1 })
  const next = await waiting[0]
  expect(next?.instance.id).toBe(full[1]?.instance.id)
  const refusedCall = waiting[1]?.catch((error: unknown) => error)
  await clock.advance(10_000)
  expect(await refusedCall).toMatchObject({ code: 'LB_OVERLOADED' })
  await lb.close()
})

it.each([
  [{ keys: [] }, 'LoadBalancer.routing.keys'],
  [{ keys: ['a', 'a'] }, 'LoadBalancer.routing.keys'],
  [{ keys: 'version' }, 'LoadBalancer.routing.keys'],
  [{}, 'LoadBalancer.routing.keys'],
  [{ keys: ['version'], fallback: 'all' }, 'LoadBalancer.routing.fallback'],
  [{ keys: ['version'], fallback: {} }, 'LoadBalancer.routing.fallback'],
  [{ keys: ['version'], fallback: { version: 1 } }, 'LoadBalancer.routing.fallback.version'],
  [{ keys: ['version'], fallback: { zone: 'a' } }, 'LoadBalancer.routing.fallback.zone'],
])('refuses routing %j', (routing, path) => {
  const make = (): LoadBalancer =>
    new LoadBalancer({ discovery: new FakeWatchDiscovery([]), routing: routing as never })
  expect(make).toThrow(InvalidOptionError)
  expect(make).toThrow(path)
})
