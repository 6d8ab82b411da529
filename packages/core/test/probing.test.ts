import { FakeClock, seededRandom, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import {
  LoadBalancer,
  type LoadBalancerEvent,
  type LoadBalancerOptions,
  type LoadProbe,
  StaticDiscovery,
} from '../src/index.ts'

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

/** Everything that is asked and called, while each instance says that it has nothing to do. */
async function fleet(
  instances: readonly string[],
  options: Partial<LoadBalancerOptions>,
): Promise<{ lb: LoadBalancer; clock: FakeClock; discovery: StaticDiscovery; asked: Set<string> }> {
  const clock = new FakeClock()
  const asked = new Set<string>()
  const discovery = new StaticDiscovery({ users: instances })
  const lb = new LoadBalancer({
    discovery,
    balancer: 'probing',
    probing: {
      probe: async ({ id }) => {
        asked.add(id)
        return { inFlight: 0, latencyMs: 50 }
      },
    },
    random: seededRandom(2),
    clock,
    ...options,
  })
  await lb.ready('users')
  return { lb, clock, discovery, asked }
}

describe('probing beside what else decides', () => {
  it('neither asks nor calls an instance while it is ejected, and does again when it is back', async () => {
    const { lb, clock, asked } = await fleet(['a:1', 'b:1', 'c:1'], {
      outlierDetection: { baseEjectionMs: 10_000, maxEjectionPercent: 100, jitter: 0 },
    })
    await calls(lb, clock, 20)
    for (let failed = 0; failed < 10; failed++) {
      const picked = await lb.acquire('users')
      const isBad = picked.instance.id === 'a:1'
      picked.done({ ok: !isBad, latencyMs: 5, ...(isBad ? { statusCode: 500 } : undefined) })
    }
    for (let more = 0; lb.inspect('users').instances.every(({ state }) => state !== 'ejected') && more < 500; more++) {
      const picked = await lb.acquire('users')
      const isBad = picked.instance.id === 'a:1'
      picked.done({ ok: !isBad, latencyMs: 5, ...(isBad ? { statusCode: 500 } : undefined) })
      await clock.advance(1)
    }
    expect(lb.inspect('users').instances.find(({ instance }) => instance.id === 'a:1')?.state).toBe('ejected')
    await calls(lb, clock, 5)
    asked.clear()
    expect(await calls(lb, clock, 30)).not.toContain('a:1')
    expect(asked).toEqual(new Set(['b:1', 'c:1']))
    await clock.advance(20_000)
    expect(await calls(lb, clock, 100)).toContain('a:1')
    expect(asked).toContain('a:1')
    await lb.close()
  })

  it('asks and calls its subset alone', async () => {
    const all = Array.from({ length: 20 }, (_, index) => `i${index}:1`)
    const { lb, clock, asked } = await fleet(all, { subset: { size: 4, index: 1, clients: 5 } })
    const called = new Set(await calls(lb, clock, 200))
    expect(called.size).toBe(4)
    expect(asked).toEqual(called)
    await lb.close()
  })

  it('gives a newcomer in slow start a part of its share, however idle it says that it is', async () => {
    const old = ['a:1', 'b:1', 'c:1']
    const { lb, clock, discovery } = await fleet(old, { slowStart: { windowMs: 1_000_000 } })
    await calls(lb, clock, 20)
    discovery.set('users', [...old, 'new:1'])
    const early = (await calls(lb, clock, 400)).filter((id) => id === 'new:1').length
    await clock.advance(1_000_000)
    const late = (await calls(lb, clock, 400)).filter((id) => id === 'new:1').length
    expect(early).toBeLessThan(0.5 * late)
    expect(late).toBeGreaterThan(50)
    await lb.close()
  })

  it('picks an instance as it is listed now, although it was asked before the list changed', async () => {
    const answers: (() => void)[] = []
    const { lb, clock, discovery } = await fleet(['a:1', 'b:1'], {
      probing: {
        probe: () => new Promise((resolve) => answers.push(() => resolve({ inFlight: 0, latencyMs: 50 }))),
      },
    })
    await calls(lb, clock, 3)
    discovery.set('users', [
      { host: 'a', port: 1, metadata: { version: '2' } },
      { host: 'b', port: 1, metadata: { version: '2' } },
    ])
    await clock.advance(100)
    for (const answer of answers.splice(0)) answer()
    await settlePromises()
    for (let pick = 0; pick < 20; pick++) expect(lb.pick('users').metadata['version']).toBe('2')
    await lb.close()
  })
})
