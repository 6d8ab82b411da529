/** An EndpointSlice as the API server writes it; a field that is null or absent means its default. */
export interface SliceJson {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly resourceVersion?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly addressType: string
  readonly endpoints?: readonly EndpointJson[] | null
  readonly ports?: readonly object[] | null
}

export interface EndpointJson {
  readonly addresses: readonly string[]
  readonly conditions?: {
    readonly ready?: boolean | null
    readonly serving?: boolean | null
    readonly terminating?: boolean | null
  }
  readonly zone?: string
  readonly nodeName?: string
  readonly hostname?: string | null
  readonly targetRef?: object
  readonly hints?: object
}

export const ready = { ready: true, serving: true, terminating: false }
export const terminating = { ready: false, serving: true, terminating: true }
export const notReady = { ready: false, serving: false, terminating: false }

/** A slice of `service` with one port. */
export function slice(
  service: string,
  name: string,
  endpoints: readonly (EndpointJson | string)[],
  fields: Partial<SliceJson> & { labels?: Record<string, string>; annotations?: Record<string, string> } = {},
): SliceJson {
  const { labels, annotations, ...rest } = fields
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: endpoints.map((endpoint) =>
      typeof endpoint === 'string' ? { addresses: [endpoint], conditions: ready } : endpoint,
    ),
    ...rest,
    metadata: {
      name,
      labels: { 'kubernetes.io/service-name': service, ...labels },
      ...(annotations === undefined ? {} : { annotations }),
      ...rest.metadata,
    },
  }
}

/** An endpoint of a pod, as the controller writes it. */
export function podEndpoint(address: string, pod: string, fields: Partial<EndpointJson> = {}): EndpointJson {
  return {
    addresses: [address],
    conditions: ready,
    targetRef: { kind: 'Pod', namespace: 'default', name: pod, uid: `uid-${pod}` },
    ...fields,
  }
}
