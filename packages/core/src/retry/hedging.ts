import { durationOption, integerOption, numberOption, type OptionTable, withDefaults } from '../base/option-table.ts'

/**
 * When a request without a response is also sent to a second instance; the first response counts. Only requests that
 * may be repeated are hedged, and hedges are charged to the retry budget.
 *
 * Sources: J. Dean, L. A. Barroso, "The Tail at Scale" (2013); gRFC A6.
 */
export interface HedgeOptions {
  /** How long to wait for a response, in milliseconds; 0: no wait. @default undefined: determined by `percentile` */
  readonly delayMs?: number | undefined
  /**
   * Without `delayMs`, the wait is as long as this percentage of the requests takes, from 1 to 100; 95 means about 5 %
   * more requests. There is no hedging until enough requests were seen.
   * @default 95
   */
  readonly percentile?: number | undefined
  /** Most attempts that run beside the first at a time, from 1 to 10. @default 1 */
  readonly maxHedges?: number | undefined
  /** Shortest delay that `percentile` may lead to, in milliseconds. @default 1 */
  readonly minDelayMs?: number | undefined
}

/** `HedgeOptions` with every default filled in. */
export interface HedgePolicy {
  /** `undefined`: as long as `percentile` says. */
  readonly delayMs: number | undefined
  readonly percentile: number
  readonly maxHedges: number
  readonly minDelayMs: number
}

export const hedgeTable: OptionTable<HedgeOptions, 'delayMs'> = {
  delayMs: durationOption({}),
  percentile: numberOption({ min: 1, max: 100, default: 95 }),
  maxHedges: integerOption({ min: 1, max: 10, default: 1 }),
  minDelayMs: durationOption({ default: 1 }),
}

/**
 * The policy that `options` (checked before) mean, on top of `base`. `undefined`: no hedging, which is the default, and
 * what `false` means. An object, also an empty one, switches it on.
 */
export function hedgePolicy(options: HedgeOptions | false | undefined, base?: HedgePolicy): HedgePolicy | undefined {
  if (options === undefined) return base
  if (options === false) return undefined
  const inherited: HedgePolicy = base ?? withDefaults({}, hedgeTable)
  // A percentile replaces the fixed delay of the base, which would win over it.
  const ownDelay = Object.hasOwn(options, 'delayMs') || options.percentile !== undefined
  return {
    delayMs: ownDelay ? options.delayMs : inherited.delayMs,
    percentile: options.percentile ?? inherited.percentile,
    maxHedges: options.maxHedges ?? inherited.maxHedges,
    minDelayMs: options.minDelayMs ?? inherited.minDelayMs,
  }
}
