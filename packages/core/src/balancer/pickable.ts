import type { ServiceInstance } from '../instance/instance.ts'

/** Those that may be picked: the ones of positive weight, or all when there is none. */
export function pickable(instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
  const positive = instances.filter(({ weight }) => weight > 0)
  return positive.length > 0 ? positive : instances
}
