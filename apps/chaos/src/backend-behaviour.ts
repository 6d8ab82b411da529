/** How a backend misbehaves. */
export interface BackendBehaviour {
  /** Multiplies the time an answer takes. */
  readonly latencyFactor: number
  /** Part of the answers that are 500, in [0, 1]. */
  readonly failureRatio: number
  /** Each answer breaks off in its body with a TCP reset. */
  readonly resetsResponses: boolean
  /** A connection is closed without an answer when a second request comes on it. */
  readonly closesReused: boolean
}

export const healthy: BackendBehaviour = Object.freeze({
  latencyFactor: 1,
  failureRatio: 0,
  resetsResponses: false,
  closesReused: false,
})

/** Time an answer of a healthy backend takes. */
export const baseLatencyMs = 5

/** What a backend tells its parent. */
export type BackendMessage = { readonly port: number } | { readonly behaves: true } | { readonly leaves: true }
