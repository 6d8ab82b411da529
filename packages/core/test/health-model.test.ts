import { seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LoadBalancerEvent, PickResult, ServiceInstanceInit, ServiceSnapshot } from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'

type Step =
  | { readonly type: 'list'; readonly members: readonly Member[] }
  | { readonly type: 'start'; readonly times: number }
  | { readonly type: 'end'; readonly times: number; readonly how: 'ok' | '500' | 'refused' | 'cancelled' }
  | { readonly type: 'sick'; readonly ids: readonly string[] }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'call' }

interface Member {
  readonly id: string
  readonly weight: number
  readonly priority: number
  readonly zone: string
  readonly healthy: boolean | undefined
}

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

const member: fc.Arbitrary<Member> = fc.record({
  id: fc.constantFrom(...ids),
  weight: fc.constantFrom(0, 1, 1, 1, 2),
  priority: fc.constantFrom(0, 0, 0, 1),
  zone: fc.constantFrom('x', 'y'),
  healthy: fc.constantFrom(undefined, undefined, true, false),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('list' as const),
      members: fc.uniqueArray(member, { selector: ({ id }) => id, maxLength: 8 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('start' as const), times: fc.integer({ min: 1, max: 20 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('end' as const),
      times: fc.integer({ min: 1, max: 20 }),
      how: fc.constantFrom('ok' as const, '500' as const, 'refused' as const, 'cancelled' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('sick' as const), ids: fc.subarray(ids) }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(50, 600, 5_000, 40_000) }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'call' as const }) },
)

const outcomes = {
  ok: { ok: true, latencyMs: 5, statusCode: 200 },
  '500': { ok: false, latencyMs: 5, statusCode: 500 },
  refused: { ok: false, latencyMs: 5, error: refused },
  cancelled: { ok: false, latencyMs: 5, error: new Error('gone'), cancelled: true },
}

const wellFormed: Partial<Record<LoadBalancerEvent['type'], Record<string, unknown>>> = {
  'instance-ejected': {
    instance: expect.objectContaining({ id: expect.any(String) }),
    reason: expect.stringMatching(/^[a-z-]+$/),
    detail: expect.any(String),
    enforced: expect.any(Boolean),
    forMs: expect.any(Number),
    times: expect.any(Number),
  },
  'instance-half-open': { instance: expect.anything() },
  'instance-returned': {
    instance: expect.anything(),
    by: expect.stringMatching(/^(?:probe|active-check|removed-cap)$/),
  },
  'instance-health-changed': { status: expect.stringMatching(/healthy$/), reason: expect.any(String) },
  'instance-kept': { instance: expect.anything(), forMs: 20_000 },
  'zone-routing-changed': { active: expect.any(Boolean), reason: expect.any(String) },
}

class Model {
  readonly observed: ObservedLoadBalancer
  readonly held: PickResult[] = []
  readonly #sick = new Set<string>()

  constructor(seed: number) {
    this.observed = new ObservedLoadBalancer(['a:1'], {
      random: seededRandom(seed),
      zone: { local: 'x', minInstances: 3 },
      slowStart: { windowMs: 10_000 },
      emptyGraceMs: 0,
      healthCheck: {
        probe: ({ host }) => !this.#sick.has(host),
        intervalMs: 2_000,
        idleIntervalMs: 2_000,
        keepRemovedMs: 20_000,
      },
    })
  }

  async run(step: Step): Promise<void> {
    const { lb, clock, discovery } = this.observed
    switch (step.type) {
      case 'list':
        discovery.set('users', step.members.map(initOf))
        break
      case 'start':
        for (let each = 0; each < step.times; each++) {
          const picked = await lb.acquire('users').catch(() => undefined)
          if (picked !== undefined) this.held.push(picked)
        }
        break
      case 'end':
        for (const picked of this.held.splice(0, step.times)) picked.done(outcomes[step.how])
        break
      case 'sick':
        this.#sick.clear()
        for (const id of step.ids) this.#sick.add(id)
        break
      case 'wait':
        await clock.advance(step.ms)
        break
      default:
        await this.observed
          .settle(
            lb.execute('users', async () => 'done', { idempotent: true }),
            100,
          )
          .catch(() => {})
    }
  }

  check(): void {
    const snapshot = this.observed.lb.inspect('users')
    const known = snapshot.instances.filter(({ state }) => state !== 'draining')
    const usable = known.filter(({ effectiveWeight }) => effectiveWeight > 0)
    let picked: string | undefined
    try {
      picked = this.observed.lb.pick('users').id
    } catch (error) {
      expect(error).toMatchObject({ code: 'LB_NO_AVAILABLE_INSTANCE' })
    }
    // Panic makes sure of it.
    expect(picked !== undefined).toBe(usable.length > 0)
    if (picked !== undefined) expect(candidateIds(snapshot)).toContain(picked)
    const total = snapshot.instances.reduce((sum, { inFlight }) => sum + inFlight, 0)
    expect(snapshot.inFlight).toBe(this.held.length)
    expect(total).toBe(this.held.length)
    for (const { inFlight, state, candidate, forMs } of snapshot.instances) {
      expect(inFlight).toBeGreaterThanOrEqual(state === 'draining' ? 1 : 0)
      expect(forMs).toBeGreaterThanOrEqual(0)
      if (state === 'drained' || state === 'draining') expect(candidate).toBe(false)
    }
    // At most one of fewer than 20, and one that is ejected is not all there is.
    const out = known.filter(({ state }) => state === 'ejected' || state === 'half-open')
    expect(out.length).toBeLessThanOrEqual(Math.min(1, Math.max(0, known.length - 1)))
    expect(JSON.parse(JSON.stringify(snapshot))).toMatchObject({ service: 'users' })
  }

  checkEvents(): void {
    for (const event of this.observed.events) {
      const { type } = event
      if (type !== 'closed' && type !== 'listener-failed') expect(event).toMatchObject({ service: 'users' })
      expect(event).toMatchObject(wellFormed[type] ?? {})
      expect(type).not.toBe('listener-failed')
    }
  }
}

function initOf({ id, weight, priority, zone, healthy }: Member): ServiceInstanceInit {
  return { id, host: id, port: 1, weight, priority, zone, ...(healthy === undefined ? undefined : { healthy }) }
}

function candidateIds({ instances }: ServiceSnapshot): string[] {
  return instances.filter(({ candidate }) => candidate).map(({ instance }) => instance.id)
}

describe('whatever happens to a service', () => {
  it('gives an instance as long as one has a weight, counts what is in flight, and ejects within the cap', async () => {
    const life = fc.array(step, { minLength: 1, maxLength: 25 })
    await fc.assert(
      fc.asyncProperty(life, fc.nat(), async (steps, seed) => {
        const model = new Model(seed)
        const { lb, clock } = model.observed
        await lb.ready('users')
        for (const each of steps) {
          await model.run(each)
          model.check()
        }
        model.checkEvents()
        await lb.close()
        for (const picked of model.held) picked.done({ ok: false, latencyMs: 1, error: refused })
        expect(clock.pendingTimers).toBe(0)
      }),
      { seed: 20_240_607, numRuns: 300 },
    )
  }, 60_000)
})
