import { type Clock, InvalidOptionError, type Random } from '@lb/core'
import { checkClock, checkDurationMs, checkFunction, checkKeys, rejectOption } from '@lb/core/authoring'
import { checkServerUrl } from '@lb/registry-http'
import { isToken } from './bearer-token.ts'
import type { ClusterAccess } from './cluster-access.ts'
import { inClusterAccess } from './in-cluster.ts'
import { checkKubeConfigObject, type KubeConfigObject, kubeConfigObjectAccess } from './kube-config-object.ts'
import { kubeconfigAccess } from './kubeconfig.ts'
import { isNamespace } from './service-name.ts'

/** Options of `KubernetesDiscovery`. */
export interface KubernetesDiscoveryOptions {
  /**
   * The namespace of services without a namespace in their name: of `orders`, not of `orders.prod`.
   * @default that of the pod, or of the context in the kubeconfig; else `default`
   */
  readonly namespace?: string | undefined
  /**
   * Which port of the pods: its name in the Service, or its number on the pods (`targetPort`), or a function that says it for each service.
   * @default the only TCP port, or the one named `http` among several
   */
  readonly port?: string | number | ((service: string) => string | number | undefined) | undefined
  /** Only IPv4 (4) or only IPv6 (6) addresses. @default the family that has usable endpoints, IPv4 first */
  readonly family?: 4 | 6 | undefined
  /**
   * The zone this process runs in, as the nodes' label `topology.kubernetes.io/zone` writes it. With it, the hints of services with
   * `trafficDistribution` count: endpoints meant for other zones get priority 1.
   * @default hints are not considered
   */
  readonly zone?: string | undefined
  /** The name of the node this process runs on, for hints that name nodes (`PreferSameNode`). */
  readonly node?: string | undefined
  /** The annotation, or else label, of an EndpointSlice that has the weight of its endpoints. @default 'lb/weight' */
  readonly weightKey?: string | undefined
  /** The API server, such as `https://10.0.0.1:6443`. @default that of the cluster this process runs in, with the token of its pod */
  readonly server?: string | undefined
  /** A bearer token. */
  readonly token?: string | undefined
  /** A file with it: read again each minute, and when the API server refuses what was in it. */
  readonly tokenFile?: string | undefined
  /** A PEM file with the authority of the API server. @default that of the cluster, or those that Node knows when `server` is given */
  readonly caFile?: string | undefined
  /**
   * Instead of the four above: the path of a kubeconfig file, which is read once, or a `KubeConfig` of `@kubernetes/client-node`, which runs plugins
   * (`exec`). What they say of the user counts for `https:` only.
   */
  readonly kubeconfig?: string | KubeConfigObject | undefined
  /** A context in the file. @default its current one */
  readonly context?: string | undefined
  /** Time limit for an answer of the API server, in milliseconds, ≥ 1. @default 10_000 */
  readonly timeoutMs?: number | undefined
  /**
   * How long a watch may last, in milliseconds, before the API server is to end it and it is begun again from where it was; each one by chance
   * between half of this and all of it.
   * @default 600_000
   */
  readonly watchTimeoutMs?: number | undefined
  /**
   * Longest silence, in milliseconds, on the watch of an API server that is known to send bookmarks, which come each minute; afterwards the
   * connection counts as dead. Without bookmarks it is dead this long (at most 30 000) after the server should have ended the watch.
   * @default 180_000
   */
  readonly idleTimeoutMs?: number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

const optionKeys: readonly (keyof KubernetesDiscoveryOptions)[] = [
  'namespace',
  'port',
  'family',
  'zone',
  'node',
  'weightKey',
  'server',
  'token',
  'tokenFile',
  'caFile',
  'kubeconfig',
  'context',
  'timeoutMs',
  'watchTimeoutMs',
  'idleTimeoutMs',
  'clock',
  'random',
]

const owner = 'KubernetesDiscovery'

/** @throws InvalidOptionError */
export function checkOptions(options: KubernetesDiscoveryOptions): void {
  checkKeys(owner, options, optionKeys)
  const { namespace, family } = options
  if (namespace !== undefined && (typeof namespace !== 'string' || !isNamespace(namespace))) {
    rejectOption(`${owner}.namespace`, 'the name of a namespace', namespace)
  }
  if (family !== undefined && family !== 4 && family !== 6) {
    rejectOption(`${owner}.family`, '4 or 6, or absent for the one in use', family)
  }
  checkPort(options.port)
  for (const name of ['zone', 'node', 'weightKey', 'server', 'tokenFile', 'caFile', 'context'] as const) {
    const value: unknown = options[name]
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      rejectOption(`${owner}.${name}`, 'a text that is not empty, or absent', value)
    }
  }
  if (typeof options.kubeconfig !== 'string' && options.kubeconfig !== undefined)
    checkKubeConfigObject(options.kubeconfig)
  if (options.kubeconfig === '') rejectOption(`${owner}.kubeconfig`, 'the path of a file, or absent', '')
  if (options.server !== undefined) checkServerUrl(`${owner}.server`, options.server)
  checkAccess(options)
  checkDurationMs(`${owner}.timeoutMs`, options.timeoutMs, { min: 1 })
  checkDurationMs(`${owner}.watchTimeoutMs`, options.watchTimeoutMs, { min: 1_000 })
  checkDurationMs(`${owner}.idleTimeoutMs`, options.idleTimeoutMs, { min: 1 })
  checkFunction(`${owner}.random`, options.random)
  checkClock(`${owner}.clock`, options.clock)
}

/** Which API server, and as which user: of the kubeconfig, as given, or of the pod. @throws InvalidOptionError */
export function accessOf(
  options: KubernetesDiscoveryOptions,
  limit: { readonly clock: Clock; readonly timeoutMs: number },
): ClusterAccess {
  const { kubeconfig, context, server, token, tokenFile, caFile } = options
  if (typeof kubeconfig === 'object') return kubeConfigObjectAccess(kubeconfig, limit)
  if (kubeconfig !== undefined) return kubeconfigAccess(kubeconfig, context)
  const given = {
    ...(token === undefined ? undefined : { token }),
    ...(tokenFile === undefined ? undefined : { tokenFile }),
  }
  const tls = caFile === undefined ? {} : { caFile }
  // The pod's token is for its own API server: another one must not see it.
  if (server !== undefined) return { server, tls, ...given }
  const inCluster = inClusterAccess()
  const { tokenFile: ownTokenFile, ...rest } = inCluster
  const identity = token === undefined && tokenFile === undefined ? { tokenFile: ownTokenFile } : given
  return { ...rest, ...identity, tls: { ...inCluster.tls, ...tls } }
}

function checkPort(port: unknown): void {
  if (port === undefined || typeof port === 'function' || isPort(port)) return
  rejectOption(`${owner}.port`, 'the name of a port, a number in [1, 65535], or a function', port)
}

/** Whether `port` names a port, or is the number of one. */
export function isPort(port: unknown): port is string | number {
  if (typeof port === 'number') return Number.isInteger(port) && port >= 1 && port <= 65_535
  return typeof port === 'string' && port !== ''
}

function checkAccess(options: KubernetesDiscoveryOptions): void {
  const { token, tokenFile, kubeconfig } = options
  // The value is a secret: it is not shown.
  if (token !== undefined && (typeof token !== 'string' || !isToken(token))) {
    throw new InvalidOptionError(
      `${owner}.token`,
      `${owner}.token must be printable characters without spaces. Trim it`,
    )
  }
  if (token !== undefined && tokenFile !== undefined) excluded('tokenFile', 'token')
  if (kubeconfig === undefined) {
    if (options.context !== undefined) {
      rejectOption(`${owner}.context`, 'absent without kubeconfig', options.context, 'Add the option kubeconfig')
    }
    return
  }
  if (typeof kubeconfig === 'object' && options.context !== undefined) excluded('context', 'a KubeConfig')
  for (const name of ['server', 'token', 'tokenFile', 'caFile'] as const) {
    if (options[name] !== undefined) excluded(name, 'kubeconfig')
  }
}

function excluded(name: string, other: string): never {
  throw new InvalidOptionError(
    `${owner}.${name}`,
    `${owner} must have ${name} or ${other}, not both. Leave one of them out`,
  )
}
