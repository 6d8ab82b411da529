import type { ServiceInstance } from '../instance/instance.ts'

/** The instances that may be picked: those with a positive weight, or all if there are none. */
export function pickable(instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
  const positive = instances.filter(({ weight }) => weight > 0)
  return positive.length > 0 ? positive : instances
}
