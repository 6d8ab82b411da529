import { FakeClock, FakeWatchDiscovery, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type BalancerName, LoadBalancer, type LoadBalancerOptions } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const balancers: readonly BalancerName[] = [
  'round-robin',
  'random',
  'least-request',
  'peak-ewma',
  'ring-hash',
  'maglev',
]

describe.each(balancers)('with the balancer %s, full instances, then tried ones, then those to avoid', (balancer) => {
  it.each(['retry', 'hedge'] as const)('are passed over by a %s', async (how) => {
    for (let seed = 1; seed <= 20; seed++) {
      const observed = new ObservedLoadBalancer(['a:1', 'b:1', 'c:1'], {
        balancer,
        random: seededRandom(seed),
        maxInFlightPerInstance: 2,
        retry: { budget: false },
        ...(how === 'hedge' ? { hedge: { delayMs: 10 } } : undefined),
      })
      for (let full = 0; full < 2; ) {
        const { instance, done } = await observed.lb.acquire('users', { avoid: new Set(['a:1', 'b:1']) })
        if (instance.id === 'c:1') full++
        else done({ ok: true, latencyMs: 1 })
      }
      const went: string[] = []
      const call = observed.lb.execute(
        'users',
        ({ id }, { number }) => {
          went.push(id)
          if (number === 2) return id
          if (how === 'hedge') return new Promise<string>(() => {})
          throw refused
        },
        { idempotent: true, avoid: new Set(['b:1']), hashKey: `key ${seed}` },
      )
      await observed.settle(call, 1_000)
      expect(went).toEqual(['a:1', 'b:1'])
    }
  })
})

it('gives each layer up only when it leaves no instance', async () => {
  const observed = new ObservedLoadBalancer(['a:1', 'b:1', 'c:1'])
  const went: string[] = []
  const call = observed.lb.execute(
    'users',
    ({ id }) => {
      went.push(id)
      throw refused
    },
    { avoid: new Set(['b:1', 'c:1']), retry: { maxRetries: 2 } },
  )
  await expect(observed.settle(call)).rejects.toBe(refused)
  expect(went[0]).toBe('a:1')
  expect(new Set(went).size).toBe(3)
})

it.each([undefined, new Set(['a:1'])])(
  'sends a call to the last, half-open instance, avoided or not',
  async (avoid) => {
    const clock = new FakeClock()
    const discovery = new FakeWatchDiscovery(['a:1', 'b:1'])
    const outlierDetection = { consecutiveConnectErrors: 1, baseEjectionMs: 1_000 }
    const lb = new LoadBalancer({ discovery, clock, panic: false, outlierDetection, random: () => 0 })
    const { instance, done } = await lb.acquire('users', { avoid: new Set(['b:1']) })
    done({ ok: false, latencyMs: 1, error: refused })
    expect(instance.id).toBe('a:1')
    discovery.push(['a:1', { host: 'b', port: 1, healthy: false }])
    await clock.advance(1_500)
    const options = avoid === undefined ? {} : { avoid }
    expect(await lb.execute('users', ({ id }) => id, { idempotent: true, ...options })).toBe('a:1')
    await lb.close()
  },
)

describe('a retry that finds no room', () => {
  const options: Partial<LoadBalancerOptions> = { maxInFlight: 1, queue: false, random: seededRandom(5) }

  it('gives the response that there is, and discards it only when another attempt replaces it', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], options)
    const discarded: string[] = []
    const call = observed.lb.execute('users', ({ id }) => id, {
      idempotent: true,
      classify: () => ({ ok: false, statusCode: 503 }),
      discard: (value) => discarded.push(value),
    })
    await observed.clock.advance(0)
    const other = await observed.lb.acquire('users')
    const value = await observed.settle(call)
    expect(['a:1', 'b:1']).toContain(value)
    expect([discarded, observed.inFlight]).toEqual([[], 1])
    other.done({ ok: true, latencyMs: 1 })
    const second = observed.lb.execute('users', ({ id }, { number }) => `${number} ${id}`, {
      idempotent: true,
      classify: (result) => (result.ok && result.value.startsWith('1') ? { ok: false, statusCode: 503 } : undefined),
      discard: (each) => discarded.push(each),
    })
    expect(await observed.settle(second)).toMatch(/^2 /)
    expect(discarded).toHaveLength(1)
    expect(observed.inFlight).toBe(0)
  })

  it('gives the error that there is', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], options)
    const call = observed.lb.execute('users', () => Promise.reject(reset), { idempotent: true }).catch((error) => error)
    await observed.clock.advance(0)
    await observed.lb.acquire('users')
    expect(await observed.settle(call)).toBe(reset)
  })

  it('names the failure before as the cause when there is no instance', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { emptyGraceMs: 0 })
    const call = observed.lb.execute('users', () => {
      observed.discovery.set('users', [])
      throw refused
    })
    await expect(observed.settle(call)).rejects.toMatchObject({ code: 'LB_NO_AVAILABLE_INSTANCE', cause: refused })
  })
})

it('does not keep an instance at its old address that registered again outside the subset', async () => {
  const clock = new FakeClock()
  const at = (host: string, ids: readonly string[]): object[] => ids.map((id) => ({ id, host, port: 80 }))
  const ids = Array.from({ length: 12 }, (_, index) => `i${index}`)
  const discovery = new FakeWatchDiscovery(at('10.0.0.1', ids) as never)
  const healthCheck = { probe: () => true, keepRemovedMs: 600_000, initialJitterMs: 0 }
  const lb = new LoadBalancer({ discovery, clock, healthCheck, subset: { size: 3, clientId: 'me' } })
  await lb.ready('users')
  await clock.advance(100)
  const used = lb.inspect('users').instances.map(({ instance }) => instance.id)
  // They go away, others take their places in the subset, and they come back elsewhere.
  const others = ids.filter((id) => !used.includes(id))
  discovery.push(at('10.0.0.1', others) as never)
  expect(lb.inspect('users').instances).toHaveLength(6)
  for (let round = 0; round < 20; round++) {
    // With these, some of the old ones stay outside.
    const more = Array.from({ length: 40 }, (_, index) => `more${round}-${index}`)
    discovery.push(at('10.0.9.9', [...used, ...more]) as never)
    const now = lb.inspect('users').instances.map(({ instance }) => instance)
    for (const { id, host } of now) if (used.includes(id)) expect(host).toBe('10.0.9.9')
  }
  await lb.close()
})
