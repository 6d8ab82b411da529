import { rejectOption } from '../base/option-checks.ts'
import { type Criticality, criticalities, isCriticality } from './criticality.ts'

const legal = `one of ${criticalities.join(', ')}`

/** How an adapter finds the class of a request: the same for all, or a function of the request. */
export type CriticalityRule<Request> = Criticality | ((request: Request) => Criticality | undefined)

/**
 * The class of `request`; `undefined` if the rule names none. What a rule reads may come from outside, so no value is an error.
 *
 * @throws InvalidOptionError for a promise, which only an async function gives
 */
export function criticalityOf<Request>(rule: CriticalityRule<Request>, request: Request): Criticality | undefined {
  if (typeof rule !== 'function') return rule
  const found: unknown = rule(request)
  if (found instanceof Promise) rejectOption('criticality', legal, found)
  return isCriticality(found) ? found : undefined
}

/** @throws InvalidOptionError unless `value` is absent, a class or a function */
export function checkCriticalityRule(path: string, value: unknown): void {
  if (value === undefined || typeof value === 'function' || isCriticality(value)) return
  rejectOption(path, `${legal}, or a function`, value)
}
