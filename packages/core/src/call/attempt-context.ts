import type { ServiceInstance } from '../instance/instance.ts'

/** What an attempt knows about its call. */
export interface AttemptContext {
  /** 1 for the first attempt. */
  readonly number: number
  /** Aborted when the caller aborts, the deadline passes or the attempt takes too long. Pass it to the transport. */
  readonly signal: AbortSignal
  /**
   * Calls `listener` with the reason when `signal` is aborted, or at once if it already is. For transports that are
   * ended by a function: the signal is created only if it is read, and costs more than the rest of an attempt.
   */
  onInterrupt(listener: (reason: unknown) => void): void
  /** Instances that were tried before, in order. */
  readonly previous: readonly ServiceInstance[]
  /**
   * The format in which the service's instances are asked for load reports, for the header `endpoint-load-metrics-format` of
   * the request; `undefined`: they are not asked.
   */
  readonly loadReportFormat?: 'text' | 'json' | undefined
  /** Milliseconds since the call began. */
  readonly elapsedMs: number
  /**
   * Counts the request in flight, and passes on the caller's abort, until `ended` settles: for a response whose body is
   * still being read when the attempt resolves. A rejection counts as a failure of the instance if its error shows one.
   */
  readonly until: (ended: PromiseLike<unknown>) => void
}

/** Sends one request to `instance`. */
export type AttemptFunction<T> = (instance: ServiceInstance, context: AttemptContext) => Promise<T> | T
