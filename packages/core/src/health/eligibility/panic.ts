import { rejectOption } from '../../base/option-checks.ts'
import { type DefaultedOption, numberOption, type OptionTable, withDefaults } from '../../base/option-table.ts'

/** What happens if so few instances are healthy that using only these would overload them. */
export interface PanicOptions {
  /** Panic starts if the share of healthy instances is lower, from 0 to 1. @default 0.5 */
  readonly threshold?: number | undefined
  /**
   * `all`: health is ignored and every instance with a weight is used. The load is spread, and a sudden finding that
   * most instances are unhealthy is usually wrong. `fail`: the level is not used; if no other level can take its part,
   * calls fail at once with a NoAvailableInstanceError.
   * @default 'all'
   */
  readonly mode?: 'all' | 'fail' | undefined
}

/** `PanicOptions` with every default filled in; a threshold of 0 never panics. */
export interface PanicPolicy {
  readonly threshold: number
  readonly mode: 'all' | 'fail'
}

const modeOption: DefaultedOption<'all' | 'fail'> = {
  legal: '"all" or "fail"',
  default: 'all',
  check: (path, given) => {
    if (given !== undefined && given !== 'all' && given !== 'fail') rejectOption(path, '"all" or "fail"', given)
  },
}

/** What may be said of panic. */
export const panicTable: OptionTable<PanicOptions> = {
  threshold: numberOption({ max: 1, default: 0.5 }),
  mode: modeOption,
}

/** The policy that `options` (checked before) mean. `false`: health is never ignored. */
export function panicPolicy(options: PanicOptions | false | undefined): PanicPolicy {
  if (options === false) return { threshold: 0, mode: 'all' }
  return withDefaults(options ?? {}, panicTable)
}
