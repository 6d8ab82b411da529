/** How a request on an instance ended. */
export type Outcome = {
  /** Whether the instance did its work: a 404 is a success, a 500 or a reset is not. */
  readonly ok: boolean
  /** Milliseconds from the pick to the end of the request (for a streamed response, to its headers). */
  readonly latencyMs: number
  /** The status of the response, if there was one. */
  readonly statusCode?: number | undefined
  /** The error, if the request failed with one. */
  readonly error?: unknown
  /**
   * The caller gave up before the instance responded: latency and failure reveal nothing about the instance.
   * @default false
   */
  readonly cancelled?: boolean | undefined
  /**
   * Whether a failure counts against the instance; `none`: it is the caller's, or this process's own.
   * @default determined by `statusCode` and `error`; 'instance' without an error
   */
  readonly blame?: 'instance' | 'none' | undefined
  /**
   * The connection was refused at once: nothing was sent, and another try costs almost nothing. The load balancer sets
   * this for its balancers.
   * @default false
   */
  readonly refused?: boolean | undefined
  /** The load that the instance reported, for learnt weights (`loadReports`). */
  readonly loadReport?: LoadReport | undefined
}

/**
 * The load that an instance reports in a response header. Every number is finite and ≥ 0.
 *
 * Source: Open Request Cost Aggregation (ORCA), `xds.data.orca.v3.OrcaLoadReport`.
 */
export interface LoadReport {
  /** Share of the CPU in use; above 1 if it exceeds the instance's own limit. */
  readonly cpuUtilization?: number | undefined
  /** Share of the memory in use. */
  readonly memUtilization?: number | undefined
  /** The application's own measure of its utilisation; replaces that of the CPU if above 0. */
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
