import { describe, expect, it } from 'vitest'
import {
  type Balancer,
  GroupedBalancer,
  LoadBalancer,
  RoundRobinBalancer,
  type ServiceInstanceInit,
  StaticDiscovery,
} from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

function named(...ids: string[]): ServiceInstanceInit[] {
  return ids.map((id) => ({ id, host: id, port: 80 }))
}

describe('control within a listener', () => {
  it('drains a newcomer before its first pick, and ends no delivery when a listener throws', async () => {
    const observed = await ObservedLoadBalancer.ready(named('a', 'b'))
    const changes: string[] = []
    observed.lb.subscribe((event) => {
      if (event.type === 'instances-changed') {
        for (const { id } of event.added) observed.lb.control('users', { by: 'policy' }).drain(id)
      }
      if (event.type === 'override-changed') throw new Error('listener')
    })
    observed.lb.subscribe((event) => {
      if (event.type === 'override-changed') {
        changes.push(`${event.by} ${event.change} ${event.instanceId}`)
        // A listener finds the state that its event describes.
        expect(observed.lb.inspect('users').instances[2]?.state).toBe('drained')
      }
    })
    observed.discovery.set('users', named('a', 'b', 'c'))
    expect(observed.countPicks(10)).toEqual({ a: 5, b: 5 })
    expect(changes).toEqual(['policy drained c'])
    expect(observed.eventsOf('listener-failed')).toHaveLength(1)
  })
})

describe('many changes in a row', () => {
  it('are judged once, before the next pick', async () => {
    let updates = 0
    const balancer = (): Balancer => {
      const made = new RoundRobinBalancer()
      return Object.assign(Object.create(made) as Balancer, {
        update: (candidates: Parameters<Balancer['update']>[0]) => {
          updates++
          made.update(candidates)
        },
        pick: () => made.pick(),
        started: () => {},
      })
    }
    const many = Array.from({ length: 100 }, (_, index) => `i${index}`)
    const observed = await ObservedLoadBalancer.ready(named(...many), { balancer })
    const control = observed.lb.control('users')
    updates = 0
    for (const id of many.slice(1)) control.drain(id)
    expect(updates).toBe(0)
    expect(observed.countPicks(10)).toEqual({ i0: 10 })
    expect(updates).toBe(1)
  })
})

describe('what changes nothing', () => {
  it('emits nothing, and the first who acted is shown', async () => {
    const { lb, events } = await ObservedLoadBalancer.ready(named('a', 'b'))
    const control = lb.control('users', { by: 'alice' })
    control.restore('a')
    control.drain('a')
    lb.control('users', { by: 'bob' }).drain('a')
    control.setWeight('b', 2)
    control.setWeight('b', 2)
    expect(events.filter(({ type }) => type === 'override-changed')).toHaveLength(2)
    expect(control.overrides).toMatchObject([
      { kind: 'drained', instanceId: 'a', by: 'alice' },
      { kind: 'weight', instanceId: 'b', weight: 2 },
    ])
  })
})

describe('overrides of instances that are gone', () => {
  it('are kept up to 1 000, and beyond that those that were set first are dropped, with events', async () => {
    const many = Array.from({ length: 1_002 }, (_, index) => `i${index}`)
    const observed = await ObservedLoadBalancer.ready(named(...many))
    const control = observed.lb.control('users')
    for (const id of many) control.drain(id)
    expect(control.overrides).toHaveLength(1_002)
    observed.discovery.set('users', named('a', 'b'))
    expect(control.overrides).toHaveLength(1_002)
    control.drain('a')
    expect(control.overrides).toHaveLength(1_001)
    const dropped = observed.eventsOf('override-changed').filter(({ change }) => change === 'restored')
    expect(dropped.map(({ instanceId }) => instanceId)).toEqual(['i0', 'i1'])
  })

  it('are counted again when an absent one gets an override, and when others left', async () => {
    const many = Array.from({ length: 1_000 }, (_, index) => `i${index}`)
    const observed = await ObservedLoadBalancer.ready(named(...many, 'b', 'c'))
    const control = observed.lb.control('users')
    for (const id of many) control.drain(id)
    observed.discovery.set('users', named('a', 'c'))
    control.drain('a')
    expect(control.overrides).toHaveLength(1_001)
    control.drain('b')
    expect(control.overrides).toHaveLength(1_001)
    const dropped = observed.eventsOf('override-changed').filter(({ change }) => change === 'restored')
    expect(dropped.map(({ instanceId }) => instanceId)).toEqual(['i0'])
  })

  it('may be set for one that left lately', async () => {
    const observed = await ObservedLoadBalancer.ready(named('a', 'b'))
    observed.discovery.set('users', named('a'))
    observed.lb.control('users').drain('b')
    observed.discovery.set('users', named('a', 'b'))
    expect(observed.countPicks(4)).toEqual({ a: 4 })
  })
})

describe('a service that is not configured', () => {
  it('is kept while it has an override', async () => {
    const discovery = new StaticDiscovery({ one: ['a:1'], two: ['b:1'], three: ['c:1'] })
    const lb = new LoadBalancer({ discovery, maxServices: 1 })
    await lb.ready('one')
    lb.control('one').drain('a:1')
    await expect(lb.ready('two')).rejects.toThrow(/1 service in use/)
    lb.control('one').restore('a:1')
    await lb.ready('two')
    expect(() => lb.control('one')).toThrow(expect.objectContaining({ code: 'LB_UNKNOWN_SERVICE', known: ['two'] }))
    await lb.close()
  })
})

describe('overrides and other care', () => {
  it('a drained level gives its traffic to the next, and gets it back', async () => {
    const observed = await ObservedLoadBalancer.ready([
      ...named('a', 'b'),
      { id: 'c', host: 'c', port: 80, priority: 1 },
    ])
    const control = observed.lb.control('users')
    control.drain('a')
    expect(observed.countPicks(10)).toEqual({ b: 10 })
    control.drain('b')
    expect(observed.countPicks(10)).toEqual({ c: 10 })
    control.restore('a')
    control.restore('b')
    expect(observed.countPicks(10)).toEqual({ a: 5, b: 5 })
  })

  it('a weight is in the unit of the registry, also where weights are learnt', async () => {
    const weighted = named('a', 'b', 'c').map((each) => Object.assign({ weight: 100 }, each))
    const observed = await ObservedLoadBalancer.ready(weighted, { loadReports: { blackoutMs: 0, updateMs: 100 } })
    const report = async (): Promise<void> => {
      for (let call = 0; call < 12; call++) {
        const { done } = await observed.lb.acquire('users')
        done({ ok: true, latencyMs: 1, loadReport: { cpuUtilization: 0.5, rpsFractional: 10 } })
        await observed.clock.advance(100)
      }
    }
    await report()
    observed.lb.control('users').setWeight('a', 200)
    expect(observed.lb.inspect('users').instances.map((each) => each.effectiveWeight)).toEqual([2, 1, 1])
    await report()
    expect(observed.countPicks(40)).toEqual({ a: 20, b: 10, c: 10 })
    observed.lb.control('users').restore('a')
    expect(observed.lb.inspect('users').instances.map((each) => each.effectiveWeight)).toEqual([1, 1, 1])
  })

  it('shares may be set before the first list, where they are configured', async () => {
    const balancer = (): Balancer =>
      new GroupedBalancer({ groupOf: ({ zone }) => zone, shares: { x: 1, y: 0 }, start: 0 })
    const observed = new ObservedLoadBalancer(
      named('x', 'y').map((each) => Object.assign({ zone: typeof each === 'string' ? each : each.id }, each)),
      { balancer },
    )
    const control = observed.lb.control('users')
    expect(() => control.setShares({ z: 1 })).toThrow(/is no group of users\. Known: "x", "y"/)
    control.setShares({ x: 1, y: 3 })
    await observed.lb.ready('users')
    expect(observed.countPicks(8)).toEqual({ x: 2, y: 6 })
  })

  it('a balancer that the application gives again, and one that cannot be made again, are steered in place', async () => {
    const one = new GroupedBalancer({ start: 0 })
    const same = await ObservedLoadBalancer.ready(named('a', 'b'), { balancer: () => one })
    let made = 0
    const once = await ObservedLoadBalancer.ready(named('a', 'b'), {
      balancer: () => {
        if (made++ > 0) throw new Error('no more')
        return new GroupedBalancer({ start: 0 })
      },
    })
    for (const observed of [same, once]) {
      const control = observed.lb.control('users')
      control.drain('a')
      expect(observed.countPicks(6)).toEqual({ b: 6 })
      control.restore('a')
      expect(observed.countPicks(6)).toEqual({ a: 3, b: 3 })
    }
    expect(once.eventsOf('callback-failed')).toMatchObject([{ callback: 'balancer' }])
  })
})
