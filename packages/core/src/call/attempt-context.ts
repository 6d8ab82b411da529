import type { ServiceInstance } from '../instance/instance.ts'

/** What an attempt may know of the call it belongs to. */
export interface AttemptContext {
  /** 1 for the first attempt. */
  readonly number: number
  /** Aborted when the caller aborts, the deadline passes or the attempt takes too long. Pass it to the transport. */
  readonly signal: AbortSignal
  /**
   * Calls `listener` with the reason when `signal` is aborted; at once when it is. For transports that are ended by a function: a
   * signal that nobody asks for is never made, and it costs more than everything else about an attempt.
   */
  onInterrupt(listener: (reason: unknown) => void): void
  /** Instances tried before, in order. */
  readonly previous: readonly ServiceInstance[]
  /** Milliseconds since the call began. */
  readonly elapsedMs: number
  /**
   * Counts the request in flight, and passes the caller's abort on, until `ended` settles: for a response whose body is
   * still being read when the attempt resolves. A rejection counts as a failure: the instance's, when its error says so.
   */
  readonly until: (ended: PromiseLike<unknown>) => void
}

/** Sends a request to `instance`. May be called again, with another one. */
export type AttemptFunction<T> = (instance: ServiceInstance, context: AttemptContext) => Promise<T> | T
