import { FakeDiscovery, FakeWatchDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { idsOf, ObservedComposite } from '../../../test/observed-composite.ts'
import { InvalidOptionError } from '../../base/errors.ts'
import type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from '../discovery.ts'
import { CompositeDiscovery } from './composite-discovery.ts'
import type { CompositeDiscoveryOptions, CompositeMember } from './options.ts'

const down = new Error('down')
const modes = ['failover', 'merge'] as const

/** Goes on calling its observers after they closed. */
class RudeDiscovery implements ServiceDiscovery {
  readonly observers: DiscoveryObserver[] = []
  closes = 0

  getInstances(): Promise<string[]> {
    return Promise.resolve(['a:1'])
  }

  watch(_service: string, observer: DiscoveryObserver): DiscoverySubscription {
    this.observers.push(observer)
    return {
      close: () => {
        this.closes++
      },
    }
  }
}

describe.each(modes)('after the end of a watch, with %s', (mode) => {
  it('nothing is delivered, whatever members still say, and no timer is left', async () => {
    const rude = new RudeDiscovery()
    const observed = new ObservedComposite([rude, new FakeDiscovery('wait')], { mode })
    rude.observers[0]?.next(['a:1'])
    rude.observers[0]?.error(down)
    await observed.clock.advance(60_000)
    const { calls } = observed
    expect(calls).toBeGreaterThan(0)
    const told = observed.events.length
    observed.subscription.close()
    observed.subscription.close()
    rude.observers[0]?.next(['a:2'])
    rude.observers[0]?.error(down)
    await observed.clock.advance(100_000)
    expect([observed.calls, rude.closes, observed.clock.pendingTimers]).toEqual([calls, 1, 0])
    expect(observed.events).toHaveLength(told)
  })

  it('that the observer asked for while it was told, nothing more is delivered', async () => {
    const [first, second] = [new FakeWatchDiscovery(), new FakeWatchDiscovery()]
    const composite = new CompositeDiscovery([first, second], { mode })
    let calls = 0
    const act = (): void => {
      calls++
      subscription.close()
    }
    const subscription = composite.watch('users', { next: act, error: act })
    for (const member of [first, second]) member.push(['a:1'])
    for (const member of [first, second]) member.fail(down)
    expect([calls, first.watchers, second.watchers]).toEqual([1, 0, 0])
  })

  it('that the observer asked for before it had the subscription, members are closed', async () => {
    const members = [new FakeWatchDiscovery(['a:1']), new FakeWatchDiscovery(['b:1'])]
    const composite = new CompositeDiscovery(members, { mode })
    let calls = 0
    const end = (): void => {
      calls++
      void composite.close()
    }
    composite.watch('users', { next: end, error: end })
    await composite.close()
    // The list, and the last word.
    expect([calls, ...members.map(({ watchers }) => watchers)]).toEqual([2, 0, 0])
  })
})

describe.each(modes)('close, with %s', (mode) => {
  it('ends all watches and questions, closes each member once, and stays closed', async () => {
    const member = new FakeDiscovery('wait')
    let closes = 0
    const twice = Object.assign(new FakeWatchDiscovery(['a:1']), { close: () => void closes++ })
    const observed = new ObservedComposite([twice, member, twice], { mode })
    const { composite, clock } = observed
    const question = composite.getInstances('orders')
    const asked = question.catch((error: Error) => error.message)
    await Promise.all([composite.close(), composite.close()])
    expect([member.closed, closes, twice.watchers, clock.pendingTimers]).toEqual([true, 1, 0, 0])
    expect(await asked).toBe('orders: the discovery was closed')
    const closedError = { code: 'LB_CLOSED', message: 'users: the discovery was closed' }
    await expect(composite.getInstances('users')).rejects.toMatchObject(closedError)
    expect(observed.errors.at(-1)).toBe('users: the discovery was closed')
    const { calls } = observed
    composite.watch('users', observed).close()
    expect([observed.calls - calls, observed.errors.at(-1)]).toEqual([1, 'users: the discovery was closed'])
  })

  it('closes the others when one cannot be closed, and says so', async () => {
    const broken = Object.assign(new FakeWatchDiscovery(['a:1']), { close: () => Promise.reject(down) })
    const other = new FakeDiscovery()
    const { composite } = new ObservedComposite([broken, other], { mode })
    await expect(composite.close()).rejects.toMatchObject({ code: 'LB_DISCOVERY', cause: down })
    expect(other.closed).toBe(true)
  })
})

describe('a mistake', () => {
  it('of the observer is told to the observer, and is no failure of a member', async () => {
    const member = new FakeWatchDiscovery(['a:1'])
    const composite = new CompositeDiscovery([member, new FakeWatchDiscovery()])
    const errors: unknown[] = []
    const next = (): never => {
      throw down
    }
    const subscription = composite.watch('users', { next, error: (cause) => errors.push(cause) })
    expect(() => member.push(['a:2'])).not.toThrow()
    expect(errors).toEqual([down, down])
    subscription.close()
  })

  it('of the listener is dropped', async () => {
    const onEvent = (): never => {
      throw down
    }
    const observed = new ObservedComposite([new FakeWatchDiscovery(down), new FakeDiscovery(['b:1'])], { onEvent })
    await settlePromises()
    expect(observed.list).toEqual(['b:1'])
  })

  it('of a member that cannot end its watch disturbs nobody', () => {
    const member: ServiceDiscovery = {
      getInstances: () => Promise.resolve([]),
      watch: (_, observer) => {
        observer.next(['a:1'])
        return {
          close: () => {
            throw down
          },
        }
      },
    }
    const observed = new ObservedComposite([member])
    observed.subscription.close()
    expect(observed.told.at(-1)).toBe('member-failed a custom object')
  })
})

describe('composites in a composite', () => {
  it('work like any other member', async () => {
    const [a, b, c] = ['a:1', 'b:1', 'c:1'].map((address) => new FakeWatchDiscovery([address])) as [
      FakeWatchDiscovery,
      FakeWatchDiscovery,
      FakeWatchDiscovery,
    ]
    const observed = new ObservedComposite([new CompositeDiscovery([a, b]), new CompositeDiscovery([c])], {
      mode: 'merge',
    })
    expect(observed.list).toEqual(['a:1', 'c:1'])
    expect(idsOf(await observed.composite.getInstances('users'))).toEqual(['a:1', 'c:1'])
    a.fail(down)
    c.push(['c:2'])
    expect(observed.list).toEqual(['a:1', 'c:2'])
    await observed.composite.close()
    expect([a.watchers, b.watchers, c.watchers]).toEqual([0, 0, 0])
  })
})

describe('the options', () => {
  const member = new FakeDiscovery()

  it.each<[string, unknown]>([
    ['mode', 'both'],
    ['failoverAfterMs', -1],
    ['failoverAfterMs', Number.POSITIVE_INFINITY],
    ['firstAnswerTimeoutMs', 0],
    ['refreshIntervalMs', '5'],
    ['maxSnapshotAgeMs', Number.NaN],
    ['snapshots', null],
    ['snapshots', { load: () => {} }],
    ['onEvent', {}],
    ['clock', {}],
    ['random', 4],
  ])('refuse %s %j', (name, value) => {
    const build = (): unknown => new CompositeDiscovery([member], { [name]: value })
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(new RegExp(`^CompositeDiscovery\\.${name} must be .+, got `))
  })

  it.each<[unknown, string]>([
    [undefined, 'CompositeDiscovery.members must be an array of at least one ServiceDiscovery, got undefined'],
    [[], 'CompositeDiscovery.members must be an array of at least one ServiceDiscovery, got an array of 0'],
    [[null], 'CompositeDiscovery.members[0] must be an object, got null'],
    [[member, {}], 'CompositeDiscovery.members[1].discovery must be a ServiceDiscovery with getInstances'],
    [[{ discovery: member, name: '' }], 'CompositeDiscovery.members[0].name must be a string that is not empty'],
    [[{ discovery: member, priorityOffset: 1.5 }], 'CompositeDiscovery.members[0].priorityOffset must be an integer'],
    [[{ discovery: member, priorityOffset: 1 }], 'priorityOffset must be absent with mode "failover", got 1 (number)'],
    [[{ discovery: member, prio: 1 }], 'CompositeDiscovery.members[0].prio is not a known option'],
  ])('refuse the members %j', (members, message) => {
    expect(() => new CompositeDiscovery(members as CompositeMember[])).toThrow(message)
  })

  it('suggest the nearest name for an unknown one', () => {
    const options = { snapshot: {} } as CompositeDiscoveryOptions
    expect(() => new CompositeDiscovery([member], options)).toThrow('Did you mean snapshots?')
  })

  it('are copied', async () => {
    const members: ServiceDiscovery[] = [new FakeDiscovery(['a:1'])]
    const composite = new CompositeDiscovery(members)
    members[0] = new FakeDiscovery(['b:1'])
    expect(idsOf(await composite.getInstances('users'))).toEqual(['a:1'])
  })
})
