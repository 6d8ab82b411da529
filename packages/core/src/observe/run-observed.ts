import { onLateRejection } from '../base/late-rejection.ts'
import type { AttemptObservation } from './call-observer.ts'

/** The part of an observation that runs the attempt. */
export type RunningObservation = Required<Pick<AttemptObservation, 'run'>>

/**
 * Runs `attempt` within `observation.run`, and gives what it gave: exactly once, whether the observer calls it never, twice, later, or
 * throws. `failed` gets what the observer threw itself.
 */
export function runObserved<T>(observation: RunningObservation, attempt: () => T, failed: (error: unknown) => void): T {
  let given: { readonly value: T } | { readonly error: unknown } | undefined
  const once = (): T => {
    given ??= resultOf(attempt)
    return gaveOrThrew(given)
  }
  try {
    const returned: unknown = observation.run(once)
    // An observer's own promise, which may reject as the attempt's does.
    if (given === undefined || !('value' in given) || returned !== given.value) onLateRejection(returned, () => {})
    if (given === undefined) failed(new Error('the observer did not call the attempt'))
  } catch (error) {
    if (given === undefined || !('error' in given) || given.error !== error) failed(error)
  }
  return once()
}

function resultOf<T>(attempt: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: attempt() }
  } catch (error) {
    return { error }
  }
}

function gaveOrThrew<T>(given: { readonly value: T } | { readonly error: unknown }): T {
  if ('error' in given) throw given.error
  return given.value
}
