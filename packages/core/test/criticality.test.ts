import { settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type Criticality, InvalidOptionError, type Outcome } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

const good: Outcome = { ok: true, latencyMs: 1 }

async function acquireAndEnd({ lb }: ObservedLoadBalancer, notes: string[]): Promise<void> {
  const { done } = await lb.acquire('users', { criticality: 'critical' })
  notes.push('acquired')
  done(good)
}

/** Calls that note when they are sent, or why they are not. */
function noting(observed: ObservedLoadBalancer, notes: string[]) {
  return (name: string, criticality?: Criticality): void => {
    const call = observed.lb.execute('users', () => void notes.push(name), { criticality })
    call.catch((error: { code: string }) => notes.push(`${name} ${error.code}`))
  }
}

describe('criticality', () => {
  it('orders the calls that wait for room', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1 })
    const first = await observed.lb.acquire('users')
    const notes: string[] = []
    const call = noting(observed, notes)
    call('prefetch', 'sheddable')
    call('plain')
    call('default', 'default')
    call('payment', 'critical')
    void acquireAndEnd(observed, notes)
    await settlePromises()
    first.done(good)
    await settlePromises()
    expect(notes).toEqual(['payment', 'acquired', 'plain', 'default', 'prefetch'])
    await observed.lb.close()
  })

  it('orders them also where instances have limits', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'], { maxInFlightPerInstance: 1 })
    const held = [await observed.lb.acquire('users'), await observed.lb.acquire('users')]
    const notes: string[] = []
    const call = noting(observed, notes)
    call('prefetch', 'sheddable')
    call('payment', 'critical')
    await settlePromises()
    held[1]?.done(good)
    await settlePromises()
    expect(notes).toEqual(['payment', 'prefetch'])
    await observed.lb.close()
  })

  it('of a call takes the place of a less critical one in a full queue, which is refused as shed', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1, queue: { maxSize: 1 } })
    const first = await observed.lb.acquire('users')
    const notes: string[] = []
    const call = noting(observed, notes)
    call('prefetch', 'sheddable')
    call('payment', 'critical')
    call('late', 'default')
    await settlePromises()
    expect(notes).toEqual(['prefetch LB_OVERLOADED', 'late LB_OVERLOADED'])
    expect(observed.eventsOf('call-refused').map(({ because }) => because)).toEqual(['shed', 'queue-full'])
    first.done(good)
    await settlePromises()
    expect(notes.at(-1)).toBe('payment')
    await observed.lb.close()
  })

  it('says in the error of a call that was shed that a more critical one took its place', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1, queue: { maxSize: 1 } })
    await observed.lb.acquire('users')
    const shed = expect(observed.lb.execute('users', () => 1, { criticality: 'sheddable' })).rejects.toMatchObject({
      message:
        'users: overloaded, refused before it was sent: 1 request in flight (maxInFlight 1), the queue is full (queue.maxSize), and a more critical call took its place',
    })
    await settlePromises()
    const critical = observed.lb.execute('users', () => 1, { criticality: 'critical' }).catch(() => {})
    await shed
    await observed.lb.close()
    await critical
  })

  it.each(['tryAcquire', 'acquire without a queue', 'execute without a queue'])(
    'leaves a fifth of a limit to others where a sheddable call cannot wait: %s',
    async (how) => {
      const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 10, queue: false })
      await observed.lb.ready('users')
      const take = async (criticality: Criticality): Promise<boolean> => {
        if (how === 'tryAcquire') return observed.lb.tryAcquire('users', { criticality }) !== undefined
        if (how.startsWith('acquire')) {
          return observed.lb.acquire('users', { criticality }).then(
            () => true,
            () => false,
          )
        }
        let sent = false
        const call = observed.lb.execute('users', () => new Promise(() => (sent = true)), { criticality })
        call.catch(() => {})
        await settlePromises()
        return sent
      }
      const taken: boolean[] = []
      for (let each = 0; each < 9; each++) taken.push(await take('sheddable'))
      expect(taken.filter(Boolean)).toHaveLength(8)
      expect([await take('default'), await take('critical'), await take('critical')]).toEqual([true, true, false])
      await observed.lb.close()
    },
  )

  it('lets a sheddable call have the only place there is', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1, queue: false })
    await observed.lb.ready('users')
    expect(observed.lb.tryAcquire('users', { criticality: 'sheddable' })).toBeDefined()
    expect(observed.lb.tryAcquire('users', { criticality: 'critical' })).toBeUndefined()
  })

  it('that is none is refused by name', async () => {
    const { lb } = new ObservedLoadBalancer(['a:1'])
    const criticality = 'urgent' as Criticality
    const message = /criticality must be one of critical, default, sheddable, got "urgent"/
    await expect(lb.execute('users', () => 1, { criticality })).rejects.toThrow(message)
    await expect(lb.acquire('users', { criticality })).rejects.toThrow(message)
    expect(() => lb.tryAcquire('users', { criticality })).toThrow(message)
    expect(() => lb.tryAcquire('users', { criticality })).toThrow(InvalidOptionError)
  })
})

describe("maxInFlight: 'adaptive'", () => {
  it('shows the limit in inspect(), of the service and of each instance that was used', async () => {
    const limits = { maxInFlight: 'adaptive', maxInFlightPerInstance: 'adaptive' } as const
    const observed = await ObservedLoadBalancer.ready(['a:1', 'b:1'], { ...limits, adaptiveLimit: { initial: 7 } })
    await observed.lb.execute('users', () => 1)
    const { adaptiveLimit, instances } = observed.lb.inspect('users')
    expect(adaptiveLimit).toBe(7)
    expect(instances.map((each) => each.adaptiveLimit)).toEqual([7, undefined])
  })

  it('holds calls back at the limit, but lets critical ones have twice as much', async () => {
    const observed = await ObservedLoadBalancer.ready(['a:1'], {
      maxInFlight: 'adaptive',
      adaptiveLimit: { initial: 2 },
    })
    const take = (criticality: Criticality) => observed.lb.tryAcquire('users', { criticality }) !== undefined
    expect([take('default'), take('default'), take('default')]).toEqual([true, true, false])
    expect([take('critical'), take('critical'), take('critical')]).toEqual([true, true, false])
  })

  it('counts requests whose response has not begun: open streams take no place', async () => {
    const observed = await ObservedLoadBalancer.ready(['a:1'], {
      maxInFlight: 'adaptive',
      adaptiveLimit: { initial: 2 },
    })
    const streams = [await observed.lb.acquire('users'), await observed.lb.acquire('users')]
    let sent = 0
    const waiting = observed.lb.execute('users', () => sent++)
    await settlePromises()
    expect(sent).toBe(0)
    for (const { answered } of streams) answered(good)
    await waiting
    expect([sent, observed.inFlight]).toEqual([1, 2])
    for (const { done } of streams) done(good)
  })

  it('refuses bounds that contradict each other, by name', () => {
    const build = (): unknown => new ObservedLoadBalancer(['a:1'], { adaptiveLimit: { min: 5, max: 4 } })
    expect(build).toThrow('LoadBalancer.adaptiveLimit.min must be at most LoadBalancer.adaptiveLimit.max (4), got 5')
    const misspelt = (): unknown => new ObservedLoadBalancer(['a:1'], { adaptiveLimit: { maz: 5 } as object })
    expect(misspelt).toThrow('Did you mean max')
  })
})
