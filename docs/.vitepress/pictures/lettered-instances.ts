import { parseInstance, type ServiceInstance } from '@lb/core'

/** Instances a, b, c … with these weights. */
export function letteredInstances(weights: readonly number[]): ServiceInstance[] {
  return weights.map((weight, index) => {
    const id = String.fromCharCode('a'.charCodeAt(0) + index)
    return parseInstance({ id, host: `10.0.1.${index + 1}`, port: 8080, weight })
  })
}
