import { settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type Criticality, InvalidOptionError, type Outcome } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

const good: Outcome = { ok: true, latencyMs: 1 }

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
    void observed.lb.acquire('users', { criticality: 'critical' }).then(({ done }) => {
      notes.push('acquired')
      done(good)
    })
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
        'users: overloaded, refused before it was sent: 1 requests in flight (maxInFlight 1), the queue is full (queue.maxSize), and a more critical call took its place',
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
