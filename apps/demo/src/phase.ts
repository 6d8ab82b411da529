import type { LoadResult } from './load.ts'

/** Something the phase shows, and whether it held. */
export interface PhasePromise {
  readonly text: string
  readonly kept: boolean
}

export interface PhaseResult extends LoadResult {
  readonly name: PhaseName
  readonly ok: boolean
  readonly promises: readonly PhasePromise[]
  /** Attempts sent to instances: requests and retries. */
  readonly attempts: number
}

export type PhaseName = 'round-robin' | 'smooth-weighted-round-robin' | 'grouped' | 'kill-one' | 'recover' | 'all-down'

export const phaseNames: readonly PhaseName[] = [
  'round-robin',
  'smooth-weighted-round-robin',
  'grouped',
  'kill-one',
  'recover',
  'all-down',
]
