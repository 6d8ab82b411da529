import { FakeClock, seededRandom, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { LoadBalancer, type LoadBalancerEvent, type LoadProbe, StaticDiscovery } from '../src/index.ts'

function probing(probe: LoadProbe): { lb: LoadBalancer; clock: FakeClock; events: LoadBalancerEvent[] } {
  const clock = new FakeClock()
  const lb = new LoadBalancer({
    discovery: new StaticDiscovery({ users: ['a:1', 'b:1', 'c:1'] }),
    balancer: 'probing',
    probing: { probe },
    random: seededRandom(1),
    clock,
  })
  const events: LoadBalancerEvent[] = []
  lb.subscribe((event) => void events.push(event), ['probing-changed'])
  return { lb, clock, events }
}

async function calls(lb: LoadBalancer, clock: FakeClock, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let call = 0; call < count; call++) {
    const done = lb.execute('users', async ({ id }) => {
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 50))
      return id
    })
    await clock.advance(100)
    await settlePromises()
    ids.push(await done)
  }
  return ids
}

describe('a service whose balancer probes', () => {
  it('sends calls to the instance that says that it is fastest, and shows that probes decide', async () => {
    const { lb, clock, events } = probing(async ({ id }) => ({ inFlight: 0, latencyMs: id === 'b:1' ? 10 : 1_000 }))
    await calls(lb, clock, 3)
    expect(new Set(await calls(lb, clock, 20))).toEqual(new Set(['b:1']))
    expect(events).toMatchObject([{ service: 'users', active: true, reason: 'instances report their load' }])
    expect(lb.inspect('users')).toMatchObject({ balancer: 'ProbingBalancer', probing: { active: true } })
    await lb.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('serves every call while no probe is answered, and emits that peak EWMA decides', async () => {
    const { lb, clock, events } = probing(() => Promise.reject(new Error('404')))
    expect(new Set(await calls(lb, clock, 60)).size).toBe(3)
    expect(events).toMatchObject([{ active: false, reason: '12 probes in a row had no result' }])
    expect(lb.inspect('users').probing).toEqual({ active: false, reason: '12 probes in a row had no result' })
    await lb.close()
  })

  it('sends no probe after it was closed, and lets no call wait for one for ever', async () => {
    let asked = 0
    const { lb, clock } = probing(() => {
      asked++
      return new Promise(() => {})
    })
    await calls(lb, clock, 5)
    await lb.close()
    const before = asked
    await clock.advance(60_000)
    expect(asked).toBe(before)
    expect(clock.pendingTimers).toBe(0)
  })
})
