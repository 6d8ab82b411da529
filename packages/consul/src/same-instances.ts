import type { ServiceInstanceInit } from '@lb/core'

/** Whether two lists that are sorted by id say the same. Blocking queries come back without a change, too. */
export function sameInstances(left: readonly ServiceInstanceInit[], right: readonly ServiceInstanceInit[]): boolean {
  if (left.length !== right.length) return false
  return left.every((instance, index) => JSON.stringify(instance) === JSON.stringify(right[index]))
}
