import { DiscoveryError } from '@lb/core'

/** What counts of an EndpointSlice (`discovery.k8s.io/v1`), checked. */
export interface EndpointSlice {
  /** Unique in its namespace. */
  readonly name: string
  /** `undefined` for types that are not used: names (`FQDN`) are deprecated. */
  readonly family: 4 | 6 | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Over TCP. */
  readonly ports: readonly SlicePort[]
  readonly endpoints: readonly Endpoint[]
}

export interface SlicePort {
  /** Empty when the Service has one port without a name. */
  readonly name: string
  /** `undefined`: any port. */
  readonly port: number | undefined
  readonly appProtocol: string | undefined
}

export interface Endpoint {
  /** The first of its addresses; the others have no meaning. */
  readonly address: string
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly zone: string | undefined
  readonly node: string | undefined
  readonly hostname: string | undefined
  /** Of the pod, when it is one. */
  readonly uid: string | undefined
  readonly pod: string | undefined
  /** Zones whose clients are to use it; `undefined` when there are no hints. */
  readonly forZones: readonly string[] | undefined
  readonly forNodes: readonly string[] | undefined
}

const protocols: ReadonlySet<unknown> = new Set(['TCP', 'UDP', 'SCTP'])

/** What a decoder of UTF-8 writes for bytes that are none: something on the way damaged the answer. */
const damage = '\ufffd'

/** An object of the API as JSON has it: nothing about it is certain. */
export type Unchecked = Readonly<Record<string, unknown>>

/**
 * Reads an EndpointSlice from JSON. Kubernetes writes absent fields as null or not at all. What the API server could not have sent
 * is a failure of the whole answer; whether an address or a port is usable is core's to say, instance by instance.
 *
 * @throws DiscoveryError naming the field
 */
export function parseEndpointSlice(value: unknown): EndpointSlice {
  const slice = object(value, 'the EndpointSlice')
  const metadata = object(slice.metadata, 'metadata')
  const name = text(metadata.name, 'metadata.name')
  if (name === undefined || name === '') return malformed('metadata.name', 'the name of the slice')
  // What is missing is no "none": the API server writes these three always.
  for (const key of ['addressType', 'endpoints', 'ports']) if (!(key in slice)) return malformed(key, 'there')
  return {
    name,
    family: familyOf(slice.addressType),
    labels: texts(metadata.labels, 'metadata.labels'),
    annotations: texts(metadata.annotations, 'metadata.annotations'),
    ports: list(slice.ports, 'ports').flatMap(parsePort),
    endpoints: list(slice.endpoints, 'endpoints').map(parseEndpoint),
  }
}

function familyOf(addressType: unknown): 4 | 6 | undefined {
  if (addressType === 'IPv4') return 4
  if (addressType === 'IPv6') return 6
  return addressType === 'FQDN' ? undefined : malformed('addressType', 'IPv4, IPv6 or FQDN')
}

function parsePort(value: unknown): SlicePort[] {
  const port = object(value, 'ports[]')
  const protocol = port.protocol ?? 'TCP'
  if (!protocols.has(protocol)) return malformed('ports[].protocol', 'TCP, UDP or SCTP')
  const number = port.port ?? undefined
  if (number !== undefined && typeof number !== 'number') return malformed('ports[].port', 'a number')
  const name = text(port.name, 'ports[].name') ?? ''
  return protocol === 'TCP' ? [{ name, port: number, appProtocol: text(port.appProtocol, 'ports[].appProtocol') }] : []
}

function parseEndpoint(value: unknown): Endpoint {
  const endpoint = object(value, 'endpoints[]')
  if (!('addresses' in endpoint)) return malformed('endpoints[].addresses', 'there')
  const [address] = list(endpoint.addresses, 'endpoints[].addresses')
  const conditions = object(endpoint.conditions ?? {}, 'endpoints[].conditions')
  const target = object(endpoint.targetRef ?? {}, 'endpoints[].targetRef')
  const hints = object(endpoint.hints ?? {}, 'endpoints[].hints')
  const ready = flag(conditions.ready, 'ready') ?? true
  return {
    address: text(address, 'endpoints[].addresses[0]') ?? '',
    ready,
    serving: flag(conditions.serving, 'serving') ?? ready,
    terminating: flag(conditions.terminating, 'terminating') ?? false,
    zone: named(endpoint.zone, 'endpoints[].zone'),
    node: named(endpoint.nodeName, 'endpoints[].nodeName'),
    hostname: named(endpoint.hostname, 'endpoints[].hostname'),
    uid: named(target.uid, 'endpoints[].targetRef.uid'),
    pod: target.kind === 'Pod' ? named(target.name, 'endpoints[].targetRef.name') : undefined,
    forZones: hintedNames(hints.forZones, 'endpoints[].hints.forZones'),
    forNodes: hintedNames(hints.forNodes, 'endpoints[].hints.forNodes'),
  }
}

function hintedNames(value: unknown, path: string): readonly string[] | undefined {
  const names = list(value, path).flatMap((hint) => named(object(hint, path).name, path) ?? [])
  return names.length === 0 ? undefined : names
}

/** @throws DiscoveryError unless `value` is an object whose keys are undamaged: one that is would otherwise be taken for absent */
export function object(value: unknown, path: string): Unchecked {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformed(path, 'an object')
  for (const key of Object.keys(value)) if (key.includes(damage)) return malformed(path, 'in UTF-8')
  return value as Unchecked
}

/** @throws DiscoveryError unless `value` is an array, or absent: then it is empty */
export function list(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : malformed(path, 'an array')
}

/** @throws DiscoveryError unless `value` is a text, or absent */
export function text(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') return malformed(path, 'a text')
  return value.includes(damage) ? malformed(path, 'in UTF-8') : value
}

function named(value: unknown, path: string): string | undefined {
  const name = text(value, path)
  return name === '' ? undefined : name
}

function flag(value: unknown, condition: string): boolean | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'boolean' ? value : malformed(`endpoints[].conditions.${condition}`, 'true or false')
}

function texts(value: unknown, path: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = Object.create(null)
  if (value === undefined || value === null) return found
  for (const [key, entry] of Object.entries(object(value, path))) {
    found[key] = text(entry, path) ?? malformed(path, 'texts')
  }
  return found
}

function malformed(path: string, legal: string): never {
  throw new DiscoveryError(`the API server sent a malformed EndpointSlice: ${path} must be ${legal}`)
}
