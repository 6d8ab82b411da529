/** How a request on an instance ended. */
export type Outcome = {
  /** Whether the instance did its work: a 404 is an answer, a 500 or a reset is not. */
  readonly ok: boolean
  /** From the pick to the end of the request (its response headers, for a streamed response). */
  readonly latencyMs: number
  readonly statusCode?: number | undefined
  readonly error?: unknown
  /** The caller gave up before the instance had answered: its latency and failure say nothing of the instance. */
  readonly cancelled?: boolean | undefined
  /**
   * Whether a failure counts against the instance; `none`: it is the caller's, or of this process. Default: as `statusCode` and
   * `error` say; without an error it does.
   */
  readonly blame?: 'instance' | 'none' | undefined
  /**
   * The connection was refused at once: nothing was sent, and to try again costs next to nothing. The load balancer says
   * so to its balancers.
   */
  readonly refused?: boolean | undefined
  /** What the instance said of its load, for weights that are learnt (`loadReports`). */
  readonly loadReport?: LoadReport | undefined
}

/**
 * What an instance says of its load, in a response header. Every number is finite and ≥ 0.
 *
 * Source: Open Request Cost Aggregation (ORCA), `xds.data.orca.v3.OrcaLoadReport`.
 */
export interface LoadReport {
  /** Share of the CPU in use; above 1 when it is more than the instance takes for its limit. */
  readonly cpuUtilization?: number | undefined
  /** Share of the memory in use. */
  readonly memUtilization?: number | undefined
  /** How busy the application takes itself to be; used in place of the CPU's when above 0. */
  readonly applicationUtilization?: number | undefined
  /** Requests per second, of all clients together. */
  readonly rpsFractional?: number | undefined
  /** Failed requests per second, of all clients together. */
  readonly eps?: number | undefined
  /** What this one request cost, by resource. */
  readonly requestCost?: Readonly<Record<string, number>> | undefined
  /** Shares of other resources in use. */
  readonly utilization?: Readonly<Record<string, number>> | undefined
  /** Anything else. */
  readonly namedMetrics?: Readonly<Record<string, number>> | undefined
}
