import { rejectOption } from '../../base/option-checks.ts'
import {
  durationOption,
  functionOption,
  integerOption,
  numberOption,
  type Option,
  type OptionTable,
} from '../../base/option-table.ts'
import type { LoadProbe } from './load-probe.ts'

/** How the balancer `probing` asks instances for their load. */
export interface ProbingOptions {
  /** The path of `loadProbe()` on each instance. @default '/lb/load' */
  readonly path?: string | undefined
  /** Asks an instance in another way. @default a GET of `path` with `fetch` */
  readonly probe?: LoadProbe | undefined
  /** Most probes for each call, from 0.01 to 10; fewer where calls are short, as `costMs` says. @default 3 */
  readonly probesPerCall?: number | undefined
  /**
   * What a probe costs an instance, in milliseconds, from 0 to 1 000: probes take at most 1 % of the time of the calls.
   * @default 0.05
   */
  readonly costMs?: number | undefined
  /** How long a probe may take, in milliseconds, ≥ 1. @default 1_000 */
  readonly timeoutMs?: number | undefined
  /** How many results are kept, from 2 to 100. @default 16 */
  readonly poolSize?: number | undefined
  /**
   * How long a result is used, in milliseconds, ≥ 1. After a quarter of a usual latency it only says which instances are
   * slow, no longer which are busy.
   * @default 10_000
   */
  readonly maxAgeMs?: number | undefined
  /** An instance is hot if its requests in flight are above this quantile of what was reported lately, from 0 to 1. @default 0.84 */
  readonly hotQuantile?: number | undefined
  /**
   * How long a call waits for probes of its own where the pool holds no fresh results, in parts of the usual latency, from
   * 0 to 1. With 0, no call waits.
   * @default 0.1
   */
  readonly waitRatio?: number | undefined
}

const pathOption: Option<string> & { readonly default: string } = {
  legal: 'path that begins with a slash',
  default: '/lb/load',
  check: (path, given) => {
    if (given !== undefined && (typeof given !== 'string' || !given.startsWith('/')))
      rejectOption(path, 'a path that begins with a slash', given)
  },
}

/** Every option of probing. */
export const probingTable: OptionTable<ProbingOptions, 'probe'> = {
  path: pathOption,
  probe: functionOption(),
  probesPerCall: numberOption({ min: 0.01, max: 10, default: 3 }),
  costMs: numberOption({ max: 1_000, default: 0.05 }),
  timeoutMs: durationOption({ min: 1, default: 1_000 }),
  poolSize: integerOption({ min: 2, max: 100, default: 16 }),
  maxAgeMs: durationOption({ min: 1, default: 10_000 }),
  hotQuantile: numberOption({ max: 1, default: 0.84 }),
  waitRatio: numberOption({ max: 1, default: 0.1 }),
}
