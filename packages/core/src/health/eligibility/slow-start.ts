import { durationOption, numberOption, type OptionTable, withDefaults } from '../../base/option-table.ts'

/** Increases the share of a new or recovered instance gradually. */
export interface SlowStartOptions {
  /** Time to the full share, in milliseconds, ≥ 1. @default 30_000 */
  readonly windowMs?: number | undefined
  /**
   * The shape of the growth, from 0.1 to 10. Above 1, the share grows quickly at first; below 1, slowly at first; 1 is
   * linear.
   * @default 1
   */
  readonly aggression?: number | undefined
  /** The initial share, from 0.001 to 1. @default 0.1 */
  readonly minimum?: number | undefined
}

export interface SlowStartPolicy {
  readonly windowMs: number
  readonly aggression: number
  readonly minimum: number
}

/** What may be said of slow start. */
export const slowStartTable: OptionTable<SlowStartOptions> = {
  windowMs: durationOption({ min: 1, default: 30_000 }),
  aggression: numberOption({ min: 0.1, max: 10, default: 1 }),
  minimum: numberOption({ min: 0.001, max: 1, default: 0.1 }),
}

/** The policy that `options` (checked before) mean; `undefined`: no slow start. */
export function slowStartPolicy(options: SlowStartOptions | false | undefined): SlowStartPolicy | undefined {
  if (options === undefined || options === false) return undefined
  return withDefaults(options, slowStartTable)
}

/**
 * The part of its share that an instance takes `elapsedMs` after it started: max(minimum, (elapsed ÷ window)^(1 ÷ aggression)),
 * and 1 when the window is over.
 *
 * Source: Envoy, "Slow start mode".
 */
export function slowStartFactor(elapsedMs: number, { windowMs, aggression, minimum }: SlowStartPolicy): number {
  if (elapsedMs >= windowMs) return 1
  return Math.max(minimum, (Math.max(0, elapsedMs) / windowMs) ** (1 / aggression))
}
