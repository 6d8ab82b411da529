/** Addresses of the instances, by service. */
type Lists = Readonly<Record<string, readonly string[]>>

/** What the process of the instances tells. `executed`: how often each POST was carried out, since the last message. */
export type FromInstances =
  | { readonly lists: Lists; readonly version: number }
  | { readonly executed: Readonly<Record<string, number>> }

/** What is asked of the process of the gateway. */
export type ToGateway = { readonly lists: Lists; readonly version: number } | 'sample'

/** What the process of the gateway tells. */
export type FromGateway =
  | { readonly ports: GatewayPorts }
  | { readonly sample: GatewaySample }
  | { readonly warning: string }
  | Applied

/** The gateway uses the lists of this version; the instances get it too. */
export interface Applied {
  readonly applied: number
}

export interface GatewayPorts {
  /** HTTP/1.1, with upgrades. */
  readonly http: number
  /** HTTP/2 without TLS. */
  readonly http2: number
}

/** What the process of the gateway holds. */
export interface GatewaySample {
  readonly heapBytes: number
  /** Sockets of clients and instances. */
  readonly sockets: number
  /** In the books of the load balancer. */
  readonly inFlight: number
}
