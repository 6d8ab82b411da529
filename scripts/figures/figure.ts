import type { Limit } from './limits.ts'

/** One thing that is counted, with every place where it was found. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly limit: Limit
  /** The worst first, as `path:line what`. */
  readonly places: readonly string[]
}

/** A figure that is the number of its places. */
export function counted(name: string, limit: Limit, places: readonly string[]): Figure {
  return { name, value: places.length, limit, places }
}

/** The most that the gate lets pass. */
export function allowed({ target, today = target }: Limit): number {
  return Math.max(target, today)
}
