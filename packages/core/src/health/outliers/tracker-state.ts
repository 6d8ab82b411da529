import type { CancelTimer } from '../../base/clock.ts'
import type { Ejection } from './ejection.ts'

/** Out of use, or waiting for the end of the one probe that is out. */
export interface OutOfUse {
  readonly kind: 'ejected' | 'half-open'
  readonly ejection: Ejection
  /** When it went out, whatever probes failed since. */
  readonly outSinceMs: number
  /** Whether the ejection is one of the short ones. */
  readonly quick: boolean
  probing: boolean
  /** The ejection whose probe was given up on as silent: its answer may still come. */
  silentProbe: Ejection | undefined
  readonly cancelTimer: CancelTimer
}

/** Where an instance stands; `gone`: it is tracked no more. */
export type TrackerState = { readonly kind: 'in' } | OutOfUse | { readonly kind: 'gone' }

export const inUse: TrackerState = Object.freeze({ kind: 'in' })
export const gone: TrackerState = Object.freeze({ kind: 'gone' })
