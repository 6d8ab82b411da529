import { availableParallelism } from 'node:os'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import type { Clock, LoadReport } from '@lb/core'
import {
  checkClock,
  checkDurationMs,
  checkFunction,
  checkKeys,
  formatLoadReport,
  loadReportHeader,
  systemClock,
} from '@lb/core/authoring'
import type { Http2Middleware, Next } from './middleware.ts'

/** How `loadReport()` measures the load of this process. */
export interface LoadMeterOptions {
  /** Adds to the report, or replaces what was measured. Called once per interval. @default undefined: only what was measured */
  readonly metrics?: (() => LoadReport) | undefined
  /** How long one measurement takes, and is reported, in milliseconds, ≥ 10. @default 1_000 */
  readonly intervalMs?: number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
}

/** What is asked of a response of either version of HTTP. */
interface ReportedResponse {
  readonly statusCode: number
  once(event: 'close', listener: () => void): unknown
  setHeader(name: string, value: string): unknown
}

/**
 * A middleware that adds the load of this process to every response (`endpoint-load-metrics`, ORCA), for clients that learn
 * weights from it (`loadReports` of @lb/core). Measured without a timer, between requests: the share of the event loop, the
 * CPU, requests and failures per second.
 *
 * @throws InvalidOptionError
 */
export function loadReport(options: LoadMeterOptions = {}): Http2Middleware {
  checkKeys('loadReport', options, ['metrics', 'intervalMs', 'clock'])
  checkFunction('loadReport.metrics', options.metrics)
  checkDurationMs('loadReport.intervalMs', options.intervalMs, { min: 10 })
  checkClock('loadReport.clock', options.clock)
  const meter = new LoadMeter(options)
  return (_request: object, response: ReportedResponse, next?: Next) => {
    meter.begin()
    response.once('close', () => meter.end(response.statusCode))
    const header = meter.header()
    if (header !== undefined) response.setHeader(loadReportHeader, header)
    next?.()
  }
}

/** Measures this process from one request to the next. */
class LoadMeter {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #metrics: (() => LoadReport) | undefined
  #sinceMs: number
  #loop: EventLoopUtilization = performance.eventLoopUtilization()
  #cpu: NodeJS.CpuUsage = process.cpuUsage()
  #requests = 0
  #failures = 0
  #header: string | undefined

  constructor({ clock = systemClock, intervalMs = 1_000, metrics }: LoadMeterOptions) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#metrics = metrics
    this.#sinceMs = clock.now()
  }

  begin(): void {
    this.#requests++
  }

  end(statusCode: number): void {
    if (statusCode >= 500) this.#failures++
  }

  header(): string | undefined {
    const elapsedMs = this.#clock.now() - this.#sinceMs
    if (elapsedMs >= this.#intervalMs) this.#measure(elapsedMs)
    return this.#header
  }

  #measure(elapsedMs: number): void {
    const { user, system } = process.cpuUsage(this.#cpu)
    const measured = {
      applicationUtilization: rounded(performance.eventLoopUtilization(this.#loop).utilization),
      cpuUtilization: rounded((user + system) / 1_000 / elapsedMs / availableParallelism()),
      rpsFractional: rounded((this.#requests * 1_000) / elapsedMs),
      eps: rounded((this.#failures * 1_000) / elapsedMs),
    }
    this.#sinceMs += elapsedMs
    this.#loop = performance.eventLoopUtilization()
    this.#cpu = process.cpuUsage()
    this.#requests = 0
    this.#failures = 0
    this.#header = this.#formatted(measured)
  }

  // What an application adds must not fail its requests.
  #formatted(measured: LoadReport): string | undefined {
    try {
      return formatLoadReport({ ...measured, ...this.#metrics?.() })
    } catch {
      return formatLoadReport(measured)
    }
  }
}

function rounded(value: number): number {
  return Math.round(Math.max(0, value) * 10_000) / 10_000
}
