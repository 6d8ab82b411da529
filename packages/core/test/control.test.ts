import { describe, expect, it } from 'vitest'
import {
  type Balancer,
  GroupedBalancer,
  LoadBalancerClosedError,
  NoAvailableInstanceError,
  type ServiceControl,
  type ServiceInstance,
  type ServiceInstanceInit,
  UnknownInstanceError,
  UnknownServiceError,
} from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'

const abc = named('a', 'b', 'c')

function named(...ids: string[]): ServiceInstanceInit[] {
  return ids.map((id) => ({ id, host: id, port: 80 }))
}

interface Controlled extends ObservedLoadBalancer {
  readonly control: ServiceControl
}

async function controlled(
  instances: readonly ServiceInstanceInit[],
  options: ConstructorParameters<typeof ObservedLoadBalancer>[1] = {},
): Promise<Controlled> {
  const observed = new ObservedLoadBalancer(instances, options)
  await observed.lb.ready('users')
  return Object.assign(observed, { control: observed.lb.control('users', { by: 'alice' }) })
}

function picks({ lb }: ObservedLoadBalancer, count: number): string {
  return Array.from({ length: count }, () => lb.pick('users').id).join('')
}

function counts(observed: ObservedLoadBalancer, count: number): Record<string, number> {
  const result: Record<string, number> = {}
  for (let pick = 0; pick < count; pick++) {
    const { id } = observed.lb.pick('users')
    result[id] = (result[id] ?? 0) + 1
  }
  return result
}

describe('drain', () => {
  it('takes the instance out before the next pick, and says who did it', async () => {
    const service = await controlled(abc)
    service.control.drain('b')
    expect(counts(service, 100)).toEqual({ a: 50, c: 50 })
    expect(service.lb.inspect('users').instances[1]).toMatchObject({
      state: 'drained',
      reason: 'drained by alice',
      candidate: false,
      effectiveWeight: 0,
      overrides: [{ kind: 'drained', instanceId: 'b', by: 'alice' }],
    })
    expect(service.eventsOf('override-changed')).toEqual([
      { type: 'override-changed', service: 'users', by: 'alice', change: 'drained', instanceId: 'b' },
    ])
  })

  it('of all instances leaves none, also in panic', async () => {
    const service = await controlled(abc.map((each) => Object.assign({ healthy: false }, each)))
    for (const id of ['a', 'b']) service.control.drain(id)
    expect(counts(service, 10)).toEqual({ c: 10 })
    service.control.drain('c')
    expect(() => service.lb.pick('users')).toThrow(NoAvailableInstanceError)
    expect(() => service.lb.pick('users')).toThrow(/3 known: 3 drained/)
  })

  it('ends no request in flight', async () => {
    const service = await controlled(named('a'))
    const { instance, done } = await service.lb.acquire('users')
    service.control.drain('a')
    expect(service.inFlight).toBe(1)
    done({ ok: true, latencyMs: 5 })
    expect(instance.id).toBe('a')
    expect(service.lb.inspect('users').instances[0]).toMatchObject({ inFlight: 0, succeeded: 1, state: 'drained' })
  })

  it('goes by the id through new lists, other addresses and other weights of the registry', async () => {
    const service = await controlled(abc)
    service.control.drain('b')
    service.discovery.set('users', [...named('a', 'c'), { id: 'b', host: 'elsewhere', port: 80, weight: 7 }])
    expect(counts(service, 10)).toEqual({ a: 5, c: 5 })
    service.discovery.set('users', named('a', 'c'))
    expect(service.lb.inspect('users').overrides).toMatchObject([{ kind: 'drained', instanceId: 'b' }])
    service.discovery.set('users', abc)
    expect(counts(service, 10)).toEqual({ a: 5, c: 5 })
    service.control.restore('b')
    // The first cycle of a new list may give an instance one turn more.
    picks(service, 3)
    expect(counts(service, 9)).toEqual({ a: 3, b: 3, c: 3 })
  })
})

describe('restore', () => {
  it.each([
    ['round robin', undefined, abc],
    ['smooth weighted round robin', undefined, abc.map((each, index) => Object.assign({ weight: 5 - index }, each))],
    ['grouped', 'grouped' as const, abc.map((each, index) => Object.assign({ weight: 5 - index }, each))],
  ])('lets %s continue where it stood', async (_name, balancer, instances) => {
    const options = balancer === undefined ? {} : { balancer }
    const [left, right] = [await controlled(instances, options), await controlled(instances, options)]
    expect(picks(left, 4)).toBe(picks(right, 4))
    left.control.drain('b')
    left.control.setWeight('a', 3)
    picks(left, 17)
    left.control.restore('b')
    left.control.restore('a')
    expect(left.lb.inspect('users').overrides).toEqual([])
    expect(picks(left, 40)).toBe(picks(right, 40))
  })

  it('keeps what peak EWMA learnt of a drained instance', async () => {
    const service = await controlled(named('a', 'b'), { balancer: 'peak-ewma' })
    const latencies: Record<string, number> = { a: 5, b: 500 }
    for (let call = 0; call < 20; call++) {
      const { instance, done } = await service.lb.acquire('users')
      done({ ok: true, latencyMs: latencies[instance.id] ?? 0 })
    }
    service.control.drain('a')
    expect(counts(service, 10)).toEqual({ b: 10 })
    service.control.drain('b')
    expect(() => service.lb.pick('users')).toThrow(NoAvailableInstanceError)
    service.control.restore('b')
    service.control.restore('a')
    // An instance of which nothing is known would be tried.
    expect(counts(service, 50)).toEqual({ a: 50 })
  })
})

describe('setWeight', () => {
  it('counts at once, exactly, and gives the instance as the registry has it', async () => {
    const service = await controlled(abc)
    service.control.setWeight('a', 2)
    expect(counts(service, 40)).toEqual({ a: 20, b: 10, c: 10 })
    expect(service.lb.pick('users').weight).toBe(1)
    expect(service.lb.inspect('users').instances[0]).toMatchObject({
      reason: 'may be picked; weight 2 set by alice',
      effectiveWeight: 2,
    })
    service.control.setWeight('a', 0)
    expect(counts(service, 10)).toEqual({ b: 5, c: 5 })
    expect(service.lb.inspect('users').instances[0]).toMatchObject({ reason: 'weight 0 set by alice' })
  })

  it('gives an instance traffic that the registry drains', async () => {
    const service = await controlled([...named('a'), { id: 'b', host: 'b', port: 80, weight: 0 }])
    service.control.setWeight('b', 3)
    expect(counts(service, 40)).toEqual({ a: 10, b: 30 })
    service.control.restore('b')
    expect(counts(service, 40)).toEqual({ a: 40 })
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined])('refuses %o', async (weight) => {
    const { control } = await controlled(abc)
    expect(() => control.setWeight('a', weight as never)).toThrow(
      expect.objectContaining({ code: 'LB_INVALID_OPTION', option: 'control.setWeight.weight' }),
    )
    expect(control.overrides).toEqual([])
  })

  it('refuses what a balancer would ignore', async () => {
    const { control } = await controlled(abc, { balancer: 'round-robin' })
    expect(() => control.setWeight('a', 2)).toThrow(/RoundRobinBalancer, which ignores weights/)
    expect(() => control.setWeight('a', 0)).not.toThrow()
  })
})

const versions = ['stable', 'stable', 'stable', 'canary'].map((version, index) => ({
  id: `${version}-${index}`,
  host: 'h',
  port: 80 + index,
  metadata: { version },
}))

function grouped(): Balancer {
  const groupOf = ({ metadata }: ServiceInstance): string | undefined => metadata.version
  return new GroupedBalancer({ groupOf, shares: { stable: 95, canary: 5 }, start: 0 })
}

function canaries(observed: ObservedLoadBalancer, count: number): number {
  return counts(observed, count)['canary-3'] ?? 0
}

describe('setShares', () => {
  it('meets each share within one cycle, and takes them back', async () => {
    const service = await controlled(versions, { balancer: grouped })
    expect(canaries(service, 20)).toBe(1)
    service.control.setShares({ stable: 80, canary: 20 })
    expect(canaries(service, 5)).toBe(1)
    expect(canaries(service, 50)).toBe(10)
    service.control.setShares({ canary: 100 })
    expect(canaries(service, 10)).toBe(10)
    service.control.setShares(undefined)
    expect(canaries(service, 20)).toBe(1)
    expect(service.eventsOf('override-changed').map(({ shares }) => shares)).toEqual([
      { stable: 80, canary: 20 },
      { canary: 100 },
      undefined,
    ])
  })

  it('refuses unknown groups, other balancers, and what is no share', async () => {
    const { control } = await controlled(versions, { balancer: grouped })
    expect(() => control.setShares({ stabel: 1 })).toThrow(
      /control\.setShares\.shares\.stabel is no group of users\. Known: "stable", "canary"\. Did you mean "stable"\?/,
    )
    expect(() => control.setShares({ stable: -1 })).toThrow(
      /control\.setShares\.shares\.stable must be a finite number/,
    )
    expect(() => control.setShares({ stable: 0 })).toThrow(/at least one group a share above 0/)
    expect(() => control.setShares(null as never)).toThrow(/must be an object/)
    const other = await controlled(abc)
    expect(() => other.control.setShares({ a: 1 })).toThrow(/RoundRobinBalancer, which has no groups/)
  })
})

describe('endEjection', () => {
  it('returns an ejected instance at once', async () => {
    const service = await controlled(abc)
    for (let call = 0; call < 15; call++) {
      const { instance, done } = await service.lb.acquire('users')
      const ok = instance.id !== 'b'
      done(ok ? { ok, latencyMs: 1 } : { ok, latencyMs: 1, error: refused })
    }
    expect(service.states).toMatchObject({ b: 'ejected' })
    service.control.endEjection('b')
    expect(service.states).toMatchObject({ b: 'available' })
    expect(service.eventsOf('instance-returned')).toMatchObject([{ by: 'control' }])
    expect(service.eventsOf('override-changed')).toMatchObject([{ change: 'ejection-ended', by: 'alice' }])
    service.control.endEjection('b')
    expect(service.eventsOf('override-changed')).toHaveLength(1)
  })
})

describe('control', () => {
  it('refuses what is not known, and names what is', async () => {
    const service = await controlled(abc)
    expect(() => service.control.drain('x')).toThrow(UnknownInstanceError)
    expect(() => service.control.drain('x')).toThrow(
      expect.objectContaining({ code: 'LB_UNKNOWN_INSTANCE', service: 'users', known: ['a', 'b', 'c'] }),
    )
    expect(() => service.lb.control('user')).toThrow(UnknownServiceError)
    expect(() => service.lb.control('user')).toThrow(
      /no service "user" is in use\. Known: "users"\. Did you mean "users"\?/,
    )
    expect(() => service.lb.control('orders')).toThrow(
      'no service "orders" is in use. Known: "users". If the name is right, await ready("orders") first',
    )
    expect(service.lb.inspect().map((each) => each.service)).toEqual(['users'])
    for (const by of [5, '', 'a\nb', 'x'.repeat(257)]) {
      expect(() => service.lb.control('users', { by: by as never })).toThrow(/control\.by must be a string/)
    }
  })

  it('asks for a list first, and refuses everything after close', async () => {
    const observed = new ObservedLoadBalancer(abc)
    const control = observed.lb.control('users')
    expect(() => control.drain('a')).toThrow(/first list is not known yet; await ready\("users"\) first/)
    expect(observed.lb.inspect('users').status).toBe('unused')
    await observed.lb.ready('users')
    control.drain('a')
    await observed.lb.close()
    expect(() => control.restore('a')).toThrow(LoadBalancerClosedError)
    expect(() => observed.lb.control('users')).toThrow(LoadBalancerClosedError)
    expect(control.overrides).toEqual([])
  })
})
