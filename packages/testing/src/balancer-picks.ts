import type { Balancer, Outcome, PickRequest, ServiceInstance } from '@lb/core'
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

/** `count` requests, each of which ends before the next one starts. */
export function take(balancer: Balancer, count: number, request?: PickRequest): ServiceInstance[] {
  return Array.from({ length: count }, () => {
    const picked = balancer.pick(request)
    if (picked === undefined) throw new Error('the balancer gave nothing, although there are candidates')
    balancer.started?.(picked)
    balancer.finished?.(picked, success)
    return picked
  })
}

export function idsOf(list: readonly ServiceInstance[]): string[] {
  return list.map(({ id }) => id)
}
