import { rejectOption } from '../base/option-checks.ts'
import type { Option } from '../base/option-table.ts'

/**
 * What a call is worth under overload:
 *
 * - `critical`: a person waits for it, or its failure is an outage
 * - `default`: a call that says nothing
 * - `sheddable`: it can be left out or made later, such as a prefetch or a batch
 *
 * The lowest are refused first. The order means nothing as long as there is room for all.
 *
 * Sources: Google, "Site Reliability Engineering", chapter 21 "Handling Overload", criticality; Netflix, "Prioritized load
 * shedding" (2020); Zhou et al., "Overload control for scaling WeChat microservices" (DAGOR, SoCC 2018).
 */
export type Criticality = 'critical' | 'default' | 'sheddable'

/** From the one that is served first to the one that is refused first. */
export const criticalities: readonly Criticality[] = Object.freeze(['critical', 'default', 'sheddable'])

/** The place of a class in `criticalities`. */
export type CriticalityRank = 0 | 1 | 2

export const defaultRank: CriticalityRank = 1

/** Hot. */
export function rankOf(criticality: Criticality | undefined): CriticalityRank {
  if (criticality === 'critical') return 0
  return criticality === 'sheddable' ? 2 : defaultRank
}

/** Whether `value`, which may come from outside such as a header, is the name of a class. Others count as `default`. */
export function isCriticality(value: unknown): value is Criticality {
  return value === 'critical' || value === 'default' || value === 'sheddable'
}

/** @throws InvalidOptionError unless `value` is absent, or the name of a class */
function checkCriticality(path: string, value: unknown): void {
  if (value !== undefined && !isCriticality(value)) rejectOption(path, `one of ${criticalities.join(', ')}`, value)
}

/** The class of a call. */
export const criticalityOption: Option<Criticality> = {
  legal: criticalities.map((each) => `'${each}'`).join(', '),
  check: checkCriticality,
}
