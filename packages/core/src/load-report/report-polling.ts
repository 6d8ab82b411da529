import { runInBackground } from '../base/background-context.ts'
import type { CancelTimer, Clock } from '../base/clock.ts'
import { withDefaults } from '../base/option-table.ts'
import { jittered, type Random } from '../base/random.ts'
import { readText } from '../base/read-text.ts'
import { timeLimited } from '../base/time-limit.ts'
import { originOf, type ServiceInstance } from '../instance/instance.ts'
import type { LoadReport } from '../instance/outcome.ts'
import { loadReportFormatHeader, loadReportHeader, maxLoadReportLength, parseLoadReport } from './load-report.ts'
import { type LoadReportPoll, type LoadReportPollOptions, loadReportPollTable } from './poll-options.ts'

/** Requests in flight at once, of one service. */
const mostInFlight = 64
/** Jitter of the time between two requests. */
const jitter = 0.5

export interface ReportPollingOptions extends LoadReportPollOptions {
  readonly clock: Clock
  readonly random: Random
  /** The instances to ask, by id. */
  readonly instances: () => ReadonlyMap<string, { readonly instance: ServiceInstance }>
  readonly onReport: (instance: ServiceInstance, report: LoadReport) => void
}

/**
 * Asks the instances of one service for their load reports, one after the other, so that each has its turn once in
 * `intervalMs`. At most 1 000 requests begin in a second, 64 are in flight at once, and one to an instance. An instance that does not
 * answer is no outage: what it reported before becomes old.
 */
export class ReportPolling {
  readonly #options: ReportPollingOptions
  readonly #poll: LoadReportPoll
  readonly #intervalMs: number
  readonly #timeoutMs: number
  readonly #closed = new AbortController()
  readonly #inFlight = new Set<string>()
  /** What is left of the round. */
  #round: ServiceInstance[] = []
  #cancelTimer: CancelTimer | undefined

  constructor(options: ReportPollingOptions) {
    const { path, port, report, intervalMs, timeoutMs } = withDefaults(options, loadReportPollTable)
    this.#options = options
    this.#poll = report ?? httpReportPoll(path, port)
    this.#intervalMs = intervalMs
    this.#timeoutMs = timeoutMs
  }

  /** Asks as long as there are instances. Further calls do nothing meanwhile. */
  start(): void {
    if (this.#cancelTimer !== undefined || this.#closed.signal.aborted) return
    const { clock, instances, random } = this.#options
    const count = instances().size
    if (count === 0) return
    const gapMs = Math.max(1, this.#intervalMs / count)
    runInBackground(() => {
      this.#cancelTimer = clock.setTimeout(() => this.#next(), jittered(gapMs, jitter, random), { background: true })
    })
  }

  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#closed.abort()
  }

  #next(): void {
    this.#cancelTimer = undefined
    const { instances } = this.#options
    if (this.#round.length === 0) this.#round = Array.from(instances().values(), ({ instance }) => instance)
    const instance = this.#round.pop()
    const isListed = instance !== undefined && instances().get(instance.id)?.instance === instance
    if (isListed && !this.#inFlight.has(instance.id) && this.#inFlight.size < mostInFlight) void this.#ask(instance)
    this.start()
  }

  async #ask(instance: ServiceInstance): Promise<void> {
    const { clock, onReport } = this.#options
    const limit = { clock, limitMs: this.#timeoutMs, signals: [this.#closed.signal], background: true }
    this.#inFlight.add(instance.id)
    try {
      const report = await timeLimited(limit, (signal) => this.#poll(instance, { signal }))
      if (report !== undefined && !this.#closed.signal.aborted) onReport(instance, report)
    } catch {
      // Whatever it was: there is no report.
    }
    this.#inFlight.delete(instance.id)
  }
}

/** Requests `path` by the global `fetch`. The report is in a header, or is the body. */
function httpReportPoll(path: string, port: number | undefined): LoadReportPoll {
  return async (instance, { signal }) => {
    const url = `${originOf({ ...instance, port: port ?? instance.port })}${path}`
    const response = await fetch(url, { headers: { [loadReportFormatHeader]: 'text' }, redirect: 'manual', signal })
    try {
      const header = response.headers.get(loadReportHeader)
      if (header !== null) return parseLoadReport(header)
      if (response.status !== 200) return undefined
      // One byte more shows that it is too long.
      const text = (await readText(response.body, maxLoadReportLength + 1)).trim()
      return parseLoadReport(text.startsWith('{') ? `JSON ${text}` : text)
    } finally {
      // Rejects when it was read already.
      response.body?.cancel().catch(() => {})
    }
  }
}
