import type { Balancer } from '@lb/core'
import { afterEach, expect, it } from 'vitest'
import { RoundRobinBalancer } from '../src/balancer/round-robin.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

let observed: ObservedLoadBalancer

/** A service whose balancer asks for a wait that never ends. */
function withEndlessPreparation(): ObservedLoadBalancer {
  const balancer: Balancer = Object.assign(new RoundRobinBalancer(), { prepare: () => new Promise<void>(() => {}) })
  observed = new ObservedLoadBalancer(['10.0.0.1:80'], { balancer: () => balancer })
  return observed
}

afterEach(async () => {
  await observed.lb.close()
  expect(observed.clock.pendingTimers).toBe(0)
})

it('a call ends at its deadline, however long its balancer prepares', async () => {
  const { lb } = withEndlessPreparation()
  await lb.ready('users')
  const call = lb.execute('users', () => 'sent', { timeoutMs: 1_000 })
  await expect(observed.settle(call)).rejects.toMatchObject({ code: 'LB_DEADLINE_EXCEEDED' })
  expect(observed.eventsOf('call-finished')).toMatchObject([{ result: 'refused', attempts: 0, queuedMs: 1_000 }])
})

it('a call ends with its signal, and so does an acquire', async () => {
  const { lb } = withEndlessPreparation()
  await lb.ready('users')
  const controller = new AbortController()
  const { signal } = controller
  const waiting = [lb.execute('users', () => 'sent', { signal }), lb.acquire('users', { signal })]
  controller.abort(new Error('given up'))
  for (const each of waiting) await expect(each).rejects.toThrow('given up')
  expect(observed.eventsOf('call-finished').map(({ result }) => result)).toEqual(['cancelled', 'cancelled'])
})

it('closing ends calls that wait for it', async () => {
  const { lb } = withEndlessPreparation()
  await lb.ready('users')
  const waiting = [lb.execute('users', () => 'sent'), lb.acquire('users')]
  const ends = Promise.allSettled(waiting)
  await lb.close()
  expect(await ends).toMatchObject(Array.from({ length: 2 }, () => ({ reason: { code: 'LB_CLOSED' } })))
})

it('what is no promise is emitted, and is no wait', async () => {
  const balancer = Object.assign(new RoundRobinBalancer(), { prepare: () => 'soon' as never })
  observed = new ObservedLoadBalancer(['10.0.0.1:80'], { balancer: () => balancer })
  await observed.lb.ready('users')
  expect(await observed.lb.execute('users', () => 'sent')).toBe('sent')
  expect(observed.eventsOf('callback-failed')).toMatchObject([{ callback: 'balancer.prepare' }])
})
