import { deepStrictEqual } from 'node:assert/strict'
import { FakeClock, settlePromises } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  GroupedBalancer,
  LoadBalancer,
  type LoadBalancerOptions,
  type ServiceInstanceInit,
  type ServiceSnapshot,
  StaticDiscovery,
} from '../src/index.ts'
import { refused, reset } from './observed-load-balancer.ts'

/** `value` with the prototype that JSON gives: metadata have none, so that no key is special. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  const copy = {}
  for (const [key, each] of Object.entries(value)) {
    Object.defineProperty(copy, key, { value: plain(each), enumerable: true, configurable: true, writable: true })
  }
  return copy
}

const ids = ['a', 'b', 'c', '__proto__', 'constructor']
const text = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toJSON', 'hasOwnProperty', '', '\ud800', 'ü'),
  fc.string(),
)
const weights = fc.constantFrom(0, -0, 1, 0.1, 3, Number.MIN_VALUE, Number.MAX_VALUE)
const metadata = fc
  .array(fc.tuple(text, fc.string()))
  .map((entries): Record<string, string> => Object.fromEntries(entries))

const instances: fc.Arbitrary<ServiceInstanceInit[]> = fc.uniqueArray(
  fc.record(
    {
      id: fc.constantFrom(...ids),
      host: fc.constantFrom('10.0.0.1', '10.0.0.2', '::1'),
      port: fc.constantFrom(80, 443),
      weight: weights,
      priority: fc.constantFrom(0, -0, 1),
      zone: fc.constantFrom('here', 'there', '__proto__'),
      secure: fc.boolean(),
      healthy: fc.boolean(),
      metadata,
    },
    { requiredKeys: ['id', 'host', 'port'] },
  ),
  { selector: ({ id }) => id },
)

const options: fc.Arbitrary<Partial<LoadBalancerOptions>> = fc.record(
  {
    balancer: fc.constantFrom<NonNullable<LoadBalancerOptions['balancer']>>(
      'smooth-weighted-round-robin',
      'peak-ewma',
      'maglev',
      () => new GroupedBalancer({ groupOf: ({ zone }) => zone ?? 'here', random: () => 0 }),
    ),
    zone: fc.constantFrom({ local: 'here' }, { local: '__proto__' }),
    slowStart: fc.constant({ windowMs: 1_000 }),
    maxInFlight: fc.constantFrom(1, 3),
    outlierDetection: fc.constantFrom(false as const, { consecutiveConnectErrors: 1 }),
    retry: fc.constantFrom(false as const, { budget: false as const }, {}),
    maxStaleMs: fc.constant(500),
  },
  { requiredKeys: [] },
)

const steps = fc.array(
  fc.oneof(
    fc.record({ list: instances }),
    fc.record({ send: fc.constantFrom('ok', 'refused', 'reset', 'held') }),
    fc.record({ passMs: fc.constantFrom(1, 0.25, 700, 40_000) }),
    fc.record({ drain: fc.constantFrom(...ids) }),
    fc.record({ restore: fc.constantFrom(...ids) }),
    fc.record({ weigh: fc.constantFrom(...ids), weight: weights }),
    fc.record({ shares: fc.constantFrom('{"here":1,"__proto__":3}', '{"there":1}', '{}') }),
    fc.constant({ close: true as const }),
  ),
  { maxLength: 20 },
)

type Step = typeof steps extends fc.Arbitrary<(infer Each)[]> ? Each : never

class InspectedLoadBalancer {
  readonly clock: FakeClock = new FakeClock()
  readonly discovery: StaticDiscovery = new StaticDiscovery()
  readonly lb: LoadBalancer

  constructor(given: Partial<LoadBalancerOptions>) {
    this.lb = new LoadBalancer({ discovery: this.discovery, clock: this.clock, random: () => 0.3, ...given })
  }

  async take(step: Step): Promise<void> {
    // What is not possible in this state is refused, and is a state too.
    try {
      this.#take(step)
    } catch {}
    if ('passMs' in step) await this.clock.advance(step.passMs)
    await settlePromises()
  }

  #take(step: Step): void {
    if ('list' in step) this.discovery.set('users', step.list)
    else if ('send' in step) this.#send(step.send)
    else if ('close' in step) void this.lb.close()
    else if ('drain' in step) this.lb.control('users', { by: '__proto__' }).drain(step.drain)
    else if ('restore' in step) this.lb.control('users').restore(step.restore)
    else if ('shares' in step) this.lb.control('users').setShares(JSON.parse(step.shares))
    else if ('weigh' in step) this.lb.control('users').setWeight(step.weigh, step.weight)
  }

  #send(kind: string): void {
    const attempt = (): unknown => {
      if (kind === 'held') return new Promise(() => {})
      if (kind === 'ok') return 1
      throw kind === 'refused' ? refused : reset
    }
    this.lb.execute('users', attempt, { idempotent: true }).catch(() => {})
  }
}

function expectLossless(snapshot: unknown): void {
  deepStrictEqual(JSON.parse(JSON.stringify(snapshot)), plain(snapshot))
}

describe('inspect', () => {
  it('is JSON without loss in every state', async () => {
    await fc.assert(
      fc.asyncProperty(options, steps, async (given, taken) => {
        const inspected = new InspectedLoadBalancer(given)
        expectLossless(inspected.lb.inspect('users'))
        for (const step of taken) {
          await inspected.take(step)
          expectLossless([inspected.lb.inspect('users'), inspected.lb.inspect()])
        }
        await inspected.lb.close()
      }),
      { seed: 20_240_607, numRuns: 200 },
    )
  })

  it('keeps metadata whose keys are those of prototypes', async () => {
    const hostile: Record<string, string> = JSON.parse('{"__proto__":"x","constructor":"y","toJSON":"z"}')
    const { lb, discovery } = new InspectedLoadBalancer({})
    discovery.set('users', [{ host: '10.0.0.1', port: 80, metadata: hostile }])
    await lb.ready('users')
    const read: ServiceSnapshot = JSON.parse(JSON.stringify(lb.inspect('users')))
    expect(Object.entries(read.instances[0]?.instance.metadata ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['toJSON', 'z'],
    ])
    await lb.close()
  })
})
