import { parseInstance, type ServiceInstance } from '@lb/core'

/**
 * One way to pick, measured beside the others.
 *
 * Every contender brings a loop of its own, a function literal that no other contender shares: V8 keeps type feedback
 * per function, and one loop for all would turn its `pick()` into a megamorphic call, which makes everybody equally
 * slow. Whatever is picked from goes into the loop as an argument, not as a captured constant, because V8 may fold the
 * constants of a closure that exists once; so nobody is compiled for one list of one length.
 */
export interface Contender {
  readonly name: string
  /** Builds what is needed to pick among `count` instances. */
  open(count: number): Run | Promise<Run>
}

export interface Run {
  /** Makes what the next `run(picks)` uses up. Not timed. */
  prepare?(picks: number): void
  /** Picks that often and gives how often there was nothing, which must be 0; so no pick can be optimised away. */
  run(picks: number): number
  /** Most picks in one run. */
  readonly maxPicks?: number
  close?(): void | Promise<void>
}

/** Instances in list order, of weights 1 to 10 in turn, or all of weight 1. */
export function instancesOf(count: number, weights: 'equal' | 'weighted'): ServiceInstance[] {
  return Array.from({ length: count }, (_, index) =>
    parseInstance({ host: hostOf(index), port: 8080, weight: weights === 'equal' ? 1 : weightOf(index) }),
  )
}

export function hostOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
}

export function weightOf(index: number): number {
  return (index % 10) + 1
}
