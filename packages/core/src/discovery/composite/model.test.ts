import { FakeWatchDiscovery } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ObservedComposite } from '../../../test/observed-composite.ts'

/** What happens: a member says something, or time passes. */
type Step =
  | { readonly kind: 'list'; readonly member: number; readonly hosts: readonly string[] }
  | { readonly kind: 'failure' | 'nonsense'; readonly member: number }
  | { readonly kind: 'time'; readonly ms: number }

const member = fc.constantFrom(0, 1, 2)
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('list' as const),
    member,
    hosts: fc.uniqueArray(fc.constantFrom('p', 'q', 'r'), { minLength: 0 }),
  }),
  fc.record({ kind: fc.constantFrom('failure' as const, 'nonsense' as const), member }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(500, 2_000, 29_000, 31_000) }),
)

/** Three members, each with addresses of its own, and the last good list of each as simply as it can be said. */
class World {
  readonly members = [0, 1, 2].map(() => new FakeWatchDiscovery())
  readonly lists: (readonly string[] | undefined)[] = [undefined, undefined, undefined]
  readonly failing = [false, false, false]

  take(step: Exclude<Step, { kind: 'time' }>): void {
    const discovery = this.members[step.member] as FakeWatchDiscovery
    this.failing[step.member] = step.kind !== 'list'
    if (step.kind === 'list') {
      const list = step.hosts.map((host) => `${host}:${step.member + 1}`)
      this.lists[step.member] = list
      discovery.push(list)
      return
    }
    const error = new Error('down')
    discovery.answer = error
    if (step.kind === 'failure') discovery.fail(error)
    else discovery.push('nonsense' as never)
    discovery.answer = error
  }

  /** The members of which this is the last list. */
  sourcesOf(list: readonly string[]): number[] {
    return [0, 1, 2].filter((index) => this.lists[index]?.join() === list.join())
  }
}

const runs = { seed: 20_240_607, numRuns: 2_000 }

async function endsQuietly({ members }: World, observed: ObservedComposite): Promise<void> {
  observed.subscription.close()
  const { calls } = observed
  expect(observed.clock.pendingTimers).toBe(0)
  for (const discovery of members) discovery.push(['z:1'])
  for (const discovery of members) discovery.fail(new Error('down'))
  observed.clock.advanceSync(1_000_000)
  expect(observed.calls).toBe(calls)
  expect([observed.clock.pendingTimers, ...members.map(({ watchers }) => watchers)]).toEqual([0, 0, 0, 0])
}

describe('under any sequence of what members say', () => {
  it('failover delivers only what a member that answers says now, and after the first list nothing by an error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (sequence) => {
        const world = new World()
        const observed = new ObservedComposite(world.members)
        for (const step of sequence) {
          const before = observed.lists.length
          if (step.kind === 'time') observed.clock.advanceSync(step.ms)
          else world.take(step)
          const delivered = observed.lists.slice(before)
          expect(delivered.length).toBeLessThanOrEqual(1)
          const [list] = delivered
          if (list === undefined) continue
          if (before > 0 && step.kind !== 'time') expect(step.kind).toBe('list')
          const sources = world.sourcesOf(list).filter((index) => world.failing[index] === false)
          expect(sources).not.toEqual([])
          // Nobody takes over with nothing but the first of the row; whoever is in use may say it has none left.
          if (list.length === 0 && step.kind === 'time') expect(sources.some((index) => index < 2)).toBe(true)
        }
        await endsQuietly(world, observed)
      }),
      runs,
    )
  })

  it('merge delivers the union of the last lists of all members, and nothing by an error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (sequence) => {
        const world = new World()
        const observed = new ObservedComposite(world.members, { mode: 'merge' })
        for (const step of sequence) {
          const before = observed.lists.length
          if (step.kind === 'time') observed.clock.advanceSync(step.ms)
          else world.take(step)
          const [list, ...more] = observed.lists.slice(before)
          expect(more).toEqual([])
          if (list === undefined) {
            // Every answer is told once there was a union, unless nothing is known by it.
            const known = world.lists.every((each) => each !== undefined) || world.lists.some((each) => each?.length)
            if (before > 0 && step.kind === 'list') expect(known).toBe(false)
            continue
          }
          if (before > 0) expect(step.kind).toBe('list')
          expect(list).toEqual(world.lists.flatMap((each) => each ?? []))
        }
        await endsQuietly(world, observed)
      }),
      runs,
    )
  })
})
