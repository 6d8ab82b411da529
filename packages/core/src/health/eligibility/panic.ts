import { checkKeys, checkNumber, rejectOption } from '../../base/option-checks.ts'

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

const panicKeys: readonly (keyof PanicOptions)[] = ['threshold', 'mode']

/** @throws InvalidOptionError */
export function checkPanicOptions(path: string, options: PanicOptions | false): void {
  if (options === false) return
  checkKeys(path, options, panicKeys)
  checkNumber(`${path}.threshold`, options.threshold, 0, 1)
  const { mode } = options
  if (mode !== undefined && mode !== 'all' && mode !== 'fail') rejectOption(`${path}.mode`, '"all" or "fail"', mode)
}

/** The policy that `options` (checked before) mean. `false`: health is never ignored. */
export function panicPolicy(options: PanicOptions | false | undefined): PanicPolicy {
  if (options === false) return { threshold: 0, mode: 'all' }
  return { threshold: options?.threshold ?? 0.5, mode: options?.mode ?? 'all' }
}
