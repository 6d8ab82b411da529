import { rejectOption } from '../base/option-checks.ts'
import {
  type DefaultedOption,
  durationOption,
  functionOption,
  integerOption,
  type OptionTable,
} from '../base/option-table.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { LoadReport } from '../instance/outcome.ts'

/**
 * Asks an instance for its load report. `undefined`: it reports nothing now. It should end when `signal` is aborted; what
 * it gives later is dropped.
 */
export type LoadReportPoll = (
  instance: ServiceInstance,
  context: { readonly signal: AbortSignal },
) => Promise<LoadReport | undefined>

/** How instances are asked for their load reports beside the calls. */
export interface LoadReportPollOptions {
  /**
   * The path that is requested. The report is the `endpoint-load-metrics` header of the response, or else its body: of at
   * most 4 KiB, in the form of the header or as a JSON object.
   * @default '/health'
   */
  readonly path?: string | undefined
  /** The port of the endpoint, from 1 to 65 535. @default the port of the instance */
  readonly port?: number | undefined
  /** Asks an instance in another way. @default a GET of `path` with `fetch` */
  readonly report?: LoadReportPoll | undefined
  /** How often each instance is asked, in milliseconds, ≥ 100; less often if there are more than 1 000 for each second of it. @default 10_000 */
  readonly intervalMs?: number | undefined
  /** How long an instance may take to answer, in milliseconds, ≥ 1. @default 1_000 */
  readonly timeoutMs?: number | undefined
}

const pathOption: DefaultedOption<string> = {
  legal: 'path that begins with a slash',
  default: '/health',
  check: (path, given) => {
    if (given !== undefined && (typeof given !== 'string' || !/^\/[\x21-\x7e]*$/.test(given))) {
      rejectOption(path, 'a path that begins with a slash, of visible ASCII', given)
    }
  },
}

export const loadReportPollTable: OptionTable<LoadReportPollOptions, 'report' | 'port'> = {
  path: pathOption,
  port: integerOption({ min: 1, max: 65_535 }),
  report: functionOption(),
  intervalMs: durationOption({ min: 100, default: 10_000 }),
  timeoutMs: durationOption({ min: 1, default: 1_000 }),
}
