import { authorityOf, type InstanceList, readInstances } from '@lb/core/authoring'
import type { Endpoint, EndpointSlice } from './endpoint-slice.ts'
import { hintedPriority, type OwnPlace } from './hinted-priority.ts'
import { portSelection } from './port-selection.ts'

export interface SliceSelection extends OwnPlace {
  /** Name or number; `undefined`: the only one there is. */
  readonly port: string | number | undefined
  /** `undefined`: the one that has usable endpoints, IPv4 first. */
  readonly family: 4 | 6 | undefined
  /** The annotation or label of a slice that has the weight of its endpoints. */
  readonly weightKey: string
}

/** An endpoint with what its slice says of it. */
interface Candidate {
  readonly endpoint: Endpoint
  readonly slice: EndpointSlice
  readonly port: number
  readonly secure: boolean
}

/**
 * The instances of a Service, from all of its slices.
 *
 * - An endpoint may be in two slices while it is moved between them: it is one instance, in the better of its states.
 * - IPv4 and IPv6 addresses of a pod are in slices of their own: one family is used, so that no pod counts twice.
 * - Usable is what is ready; when nothing is, what still serves while it terminates (KEP-1669). All the others have weight 0, so that
 *   nothing, not even a panic, sends them traffic, while their requests in flight finish and their state is kept.
 *
 * @throws DiscoveryError when it is unclear which port is meant
 */
export function instancesOfSlices(slices: Iterable<EndpointSlice>, selection: SliceSelection): InstanceList {
  const all = [...slices]
  const candidates = candidatesOf(all, selection)
  const usable = usableOf(candidates)
  const isUsable = new Set(usable)
  const priorityOf = hintedPriority(
    usable.map(({ endpoint }) => endpoint),
    selection,
  )
  const ids = new Set<string>()
  const read = (candidate: Candidate): unknown => {
    const { endpoint, slice, port, secure } = candidate
    return {
      id: uniqueId(candidate, ids),
      host: endpoint.address,
      port,
      secure,
      weight: isUsable.has(candidate) ? weightOf(slice, selection.weightKey) : 0,
      priority: priorityOf(endpoint),
      healthy: endpoint.ready || endpoint.serving,
      metadata: metadataOf(slice, endpoint),
      ...(endpoint.zone === undefined ? {} : { zone: endpoint.zone }),
    }
  }
  return readInstances(candidates, read, ({ slice, endpoint }) => `EndpointSlice ${slice.name}, ${endpoint.address}`)
}

function candidatesOf(slices: readonly EndpointSlice[], { port, family }: SliceSelection): readonly Candidate[] {
  const familyOf = (wanted: 4 | 6): EndpointSlice[] => slices.filter((slice) => slice.family === wanted)
  if (family !== undefined) return merged(familyOf(family), port)
  const v4 = merged(familyOf(4), port)
  if (usableOf(v4).length > 0) return v4
  const v6 = merged(familyOf(6), port)
  return usableOf(v6).length > 0 || v4.length === 0 ? v6 : v4
}

/** One for each address and port. */
function merged(slices: readonly EndpointSlice[], wanted: string | number | undefined): readonly Candidate[] {
  const choosePort = portSelection(slices, wanted)
  const found = new Map<string, Candidate>()
  for (const slice of slices) {
    const chosen = choosePort(slice)
    if (chosen === undefined) continue
    const { port, appProtocol } = chosen
    for (const endpoint of slice.endpoints) {
      const key = `${endpoint.address} ${port}`
      const other = found.get(key)
      if (other !== undefined && stateRank(other.endpoint) >= stateRank(endpoint)) continue
      found.set(key, { endpoint, slice, port, secure: isSecure(appProtocol) })
    }
  }
  return [...found.values()]
}

function stateRank({ ready, serving, terminating }: Endpoint): number {
  if (ready) return 2
  return serving && terminating ? 1 : 0
}

function usableOf(candidates: readonly Candidate[]): readonly Candidate[] {
  const ready = candidates.filter(({ endpoint }) => endpoint.ready)
  return ready.length > 0 ? ready : candidates.filter(({ endpoint }) => stateRank(endpoint) === 1)
}

/** A pod keeps its state when its address changes. */
function uniqueId({ endpoint: { uid, address }, port }: Candidate, taken: Set<string>): string {
  const ofAddress = authorityOf(address, port)
  const id = uid === undefined || taken.has(uid) ? ofAddress : uid
  taken.add(id)
  return id
}

function weightOf({ annotations, labels }: EndpointSlice, key: string): number {
  const written = annotations[key] ?? labels[key]
  if (written === undefined) return 1
  // What is no number is rejected.
  return /^\d+(\.\d+)?$/.test(written) ? Number(written) : Number.NaN
}

/** Values of `appProtocol`: names of IANA's registry, and what Kubernetes defines (KEP-3726). */
function isSecure(appProtocol: string | undefined): boolean {
  return appProtocol === 'https' || appProtocol === 'kubernetes.io/wss'
}

/** The labels of the slice, which are those of its Service, without Kubernetes' own; and where the endpoint is. */
function metadataOf({ labels }: EndpointSlice, { pod, node, hostname }: Endpoint): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null)
  for (const [key, value] of Object.entries(labels)) {
    if (!isOfKubernetes(key)) metadata[key] = value
  }
  if (pod !== undefined) metadata.pod = pod
  if (node !== undefined) metadata.node = node
  if (hostname !== undefined) metadata.hostname = hostname
  return metadata
}

function isOfKubernetes(label: string): boolean {
  const [prefix, name] = label.split('/')
  return name !== undefined && (prefix === 'kubernetes.io' || prefix?.endsWith('.kubernetes.io') === true)
}
