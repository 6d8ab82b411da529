import { rejectOption } from '../base/option-checks.ts'
import type { Outcome } from './outcome.ts'

/** @throws InvalidOptionError naming `path` when `outcome` is not an object with `ok` and `latencyMs` */
export function checkedOutcome(path: string, outcome: Outcome): Outcome {
  if (typeof outcome?.ok !== 'boolean' || typeof outcome.latencyMs !== 'number') {
    const wrong = typeof outcome?.ok === 'boolean' ? 'latencyMs' : 'ok'
    rejectOption(
      path,
      'an object with ok (boolean) and latencyMs (number)',
      outcome,
      `Its ${wrong} is missing or of another type`,
    )
  }
  return outcome
}
