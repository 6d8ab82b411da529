import { parseInstance, type ServiceInstance } from '@lb/core'

/** An instance with the given id and weight: `instance('a')`, `instance('a', { weight: 5 })`. */
export function instance(id: string, fields: Partial<ServiceInstance> = {}): ServiceInstance {
  return parseInstance({ host: '127.0.0.1', port: 80, ...fields, id })
}

/** Instances by id and weight, in the order of the keys: `weighted({ a: 5, b: 1, c: 1 })`. */
export function weighted(weights: Readonly<Record<string, number>>): ServiceInstance[] {
  return Object.entries(weights).map(([id, weight]) => instance(id, { weight }))
}

/** `count` instances of weight 1 with the ids `i0`, `i1`, … */
export function instances(count: number): ServiceInstance[] {
  return Array.from({ length: count }, (_, index) => instance(`i${index}`))
}
