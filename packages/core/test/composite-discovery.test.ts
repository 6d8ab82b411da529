import { FakeClock, FakeWatchDiscovery } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import {
  CompositeDiscovery,
  type CompositeDiscoveryOptions,
  type CompositeMember,
  LoadBalancer,
  type LoadBalancerEvent,
  type LoadBalancerOptions,
  type ServiceDiscovery,
} from '../src/index.ts'
import { MemorySnapshots } from './observed-composite.ts'

const down = new Error('connect ECONNREFUSED')

/** A load balancer of the service `users` on a composite, on a virtual clock. */
class Process {
  readonly clock: FakeClock = new FakeClock()
  readonly lb: LoadBalancer
  readonly events: LoadBalancerEvent[] = []

  constructor(
    members: readonly (ServiceDiscovery | CompositeMember)[],
    options: CompositeDiscoveryOptions = {},
    lbOptions: Partial<LoadBalancerOptions> = {},
  ) {
    const { clock } = this
    const discovery = new CompositeDiscovery(members, { random: () => 0, ...options, clock })
    this.lb = new LoadBalancer({ discovery, clock, random: () => 0, ...lbOptions })
    this.lb.subscribe((event) => this.events.push(event))
  }

  get ids(): string[] {
    return this.lb.inspect('users').instances.map(({ instance }) => instance.id)
  }

  get status(): string {
    return this.lb.inspect('users').status
  }

  get types(): string[] {
    return this.events.map(({ type }) => type)
  }

  /** Ends the process, and sees that it left nothing. */
  async end(): Promise<void> {
    await this.lb.close()
    expect(this.clock.pendingTimers).toBe(0)
  }
}

describe('a process', () => {
  it('starts from the snapshot while the registry is down, and goes over to the live list when it is back', async () => {
    const snapshots = new MemorySnapshots()
    const before = new Process([new FakeWatchDiscovery(['a:1', 'b:1'])], { snapshots })
    await before.lb.ready('users')
    await before.end()

    const registry = new FakeWatchDiscovery(down)
    snapshots.ageMs = 600_000
    const process = new Process([registry], { snapshots })
    await process.lb.ready('users')
    expect(await process.lb.execute('users', async ({ id }) => id)).toBe('a:1')
    expect(process.lb.inspect('users')).toMatchObject({
      status: 'stale',
      discovery: 'CompositeDiscovery',
      discoveryError:
        'users: the list saved 10 min ago is in use. no discovery answers. FakeWatchDiscovery: connect ECONNREFUSED',
    })
    expect(process.types.filter((type) => type === 'discovery-failed')).toHaveLength(2)

    registry.push(['b:1', 'c:1'])
    expect([process.ids, process.status]).toEqual([['b:1', 'c:1'], 'fresh'])
    expect(process.types).toContain('discovery-recovered')
    await process.end()
    expect(snapshots.saves).toEqual([
      ['a:1', 'b:1'],
      ['b:1', 'c:1'],
    ])
  })

  it('does not start when nothing was saved, and says what each member did', async () => {
    const process = new Process([new FakeWatchDiscovery(down)], { snapshots: new MemorySnapshots() })
    const failed = process.lb.ready('users').catch((error: Error) => error.message)
    await process.clock.advance(5_000)
    expect(await failed).toContain('connect ECONNREFUSED')
    await process.end()
  })

  it('does not wait longer for silent members than calls wait for the first list', async () => {
    const snapshots = new MemorySnapshots()
    const before = new Process([new FakeWatchDiscovery(['a:1'])], { snapshots })
    await before.lb.ready('users')
    await before.end()
    const process = new Process([new FakeWatchDiscovery(), new FakeWatchDiscovery()], { snapshots })
    const call = process.lb.execute('users', async ({ id }) => id)
    await process.clock.advance(4_000)
    expect(await call).toBe('a:1')
    await process.end()
  })

  it('loses no instance to a registry that was down and comes back empty, until that is confirmed', async () => {
    const registry = new FakeWatchDiscovery(['a:1'])
    const process = new Process([registry])
    await process.lb.ready('users')
    registry.fail(down)
    registry.push([])
    expect(process.ids).toEqual(['a:1'])
    // Asked again after a second, it has them: the empty answer was a mistake.
    registry.answer = ['a:1', 'b:1']
    await process.clock.advance(1_000)
    expect([process.ids, process.status]).toEqual([['a:1', 'b:1'], 'fresh'])
    registry.push([])
    await process.clock.advance(1_000)
    expect(process.ids).toEqual([])
    await process.end()
  })

  it('lets no question about an empty answer reach a member that is not in use', async () => {
    const [first, second] = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery(['b:1'])]
    const process = new Process([first, second])
    await process.lb.ready('users')
    first.push([])
    first.answer = down
    await process.clock.advance(20_000)
    expect([process.ids, process.status, second.asked]).toEqual([['a:1'], 'stale', 0])
    await process.end()
  })

  it('is fresh on the second registry while the first is down, and so keeps its list beyond maxStaleMs', async () => {
    const [first, second] = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery(['b:1'])]
    const process = new Process([first, second], {}, { maxStaleMs: 60_000 })
    await process.lb.ready('users')
    first.fail(down)
    expect(process.status).toBe('stale')
    await process.clock.advance(30_000)
    for (let retry = 0; retry < 10; retry++) {
      first.fail(down)
      await process.clock.advance(30_000)
    }
    expect([process.ids, process.status]).toEqual([['b:1'], 'fresh'])
    first.push(['a:1'])
    expect(process.ids).toEqual(['a:1'])
    await process.end()
  })

  it('sends nothing to the instances of a member with an offset while those before it can be used', async () => {
    const [first, second] = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery(['b:1'])]
    const process = new Process([first, { discovery: second, priorityOffset: 1 }], { mode: 'merge' })
    await process.lb.ready('users')
    const picks = (): Set<string> => new Set([1, 2, 3, 4].map(() => process.lb.pick('users').id))
    expect(picks()).toEqual(new Set(['a:1']))
    first.push([])
    expect(picks()).toEqual(new Set(['b:1']))
    await process.end()
  })
})
