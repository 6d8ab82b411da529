import type { Balancer, Outcome, PickRequest, ServiceInstance } from '@lb/core'
import { expect } from 'vitest'
import { seededRandom } from './seeded-random.ts'

/** Makes the balancer under test. All its chance must come from `random`: equal seeds must give equal sequences. */
export type CreateBalancer = (options: { random: () => number }) => Balancer

export const success: Outcome = Object.freeze({ ok: true, latencyMs: 5, statusCode: 200 })

/** A fresh balancer that was given `list`. */
export function filled(create: CreateBalancer, seed: number, list: readonly ServiceInstance[]): Balancer {
  const balancer = create({ random: seededRandom(seed) })
  balancer.update(list)
  return balancer
}

/** Fails the test when the balancer gives nothing, although there are candidates. */
export function pick(balancer: Balancer, request?: PickRequest): ServiceInstance {
  return first(balancer.pick(request))
}

/** Fails the test when there is none. */
export function first<T>(...found: readonly (T | undefined)[]): T {
  return found[0] ?? expect.fail('there is no instance, although there should be one')
}

/** `count` requests, each of which ends before the next one starts. */
export function take(balancer: Balancer, count: number, request?: PickRequest): ServiceInstance[] {
  return Array.from({ length: count }, () => {
    const picked = pick(balancer, request)
    balancer.started?.(picked)
    balancer.finished?.(picked, success)
    return picked
  })
}

export function idsOf(list: readonly ServiceInstance[]): string[] {
  return list.map(({ id }) => id)
}
