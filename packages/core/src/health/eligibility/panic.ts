import { checkKeys, checkNumber, rejectOption } from '../../base/option-checks.ts'

/** What happens when so few instances are healthy that using only them would bury them. */
export interface PanicOptions {
  /** Panic begins when the share of healthy instances is below this, in [0, 1]. Default 0.5. */
  readonly threshold?: number | undefined
  /**
   * `all` (default): health is ignored, every instance with a weight is used; the load is spread, and most findings of
   * ill health that come all at once are wrong. `fail`: the level is not used; when no other one can take its part, calls
   * are refused at once with a NoAvailableInstanceError.
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
