import type { Clock, Random } from '@lb/core'
import { checkClock, checkDurationMs, checkFunction, checkInteger, checkKeys, rejectOption } from '@lb/core/authoring'
import type { TlsOptions } from '@lb/registry-http'
import { serviceNameProblem } from './service-name.ts'

/** What discovery and registrar have in common. */
export interface NacosOptions {
  /**
   * Where Nacos is: `http://host:8848` or `https://host`. The servers of one cluster, of which one is asked and the others when it fails.
   * Default `['http://127.0.0.1:8848']`.
   */
  readonly servers?: readonly string[] | undefined
  /** Where on a server the API begins; `/` when it begins at the root. Default `/nacos`, as Nacos is delivered. */
  readonly contextPath?: string | undefined
  /** Id of the namespace, which is not always its name. Default `public`. */
  readonly namespace?: string | undefined
  /** Group of services that name none: `group@@service` names one. Default `DEFAULT_GROUP`. */
  readonly group?: string | undefined
  /** Together with `password`: logs in, and again before the token expires. Default: no login. */
  readonly username?: string | undefined
  /** Needs `username`. It appears in no message. */
  readonly password?: string | undefined
  /** For `https:` servers. */
  readonly tls?: TlsOptions | undefined
  /** How long one server may take to answer, in milliseconds. Default 5 000. */
  readonly timeoutMs?: number | undefined
  /** Where time comes from. Default: the platform. */
  readonly clock?: Clock | undefined
  /** Chance for the order of servers and the moments of requests. */
  readonly random?: Random | undefined
}

/** Where datagrams of 1.x and 2.x servers reach this process. */
export interface UdpPushOptions {
  /** IPv4 address of this process as the servers see it. */
  readonly host: string
  /** Default: any that is free. */
  readonly port?: number | undefined
}

/** Of an instance as it was registered, the weight that the load balancer takes. */
export type WeightOf = (weight: number, metadata: Readonly<Record<string, string>>) => number

/** Options of `NacosDiscovery`. */
export interface NacosDiscoveryOptions extends NacosOptions {
  /** Only instances of these clusters. Default: all of them, but on 3.0 and 3.1 only those of the cluster `DEFAULT`. */
  readonly clusters?: readonly string[] | undefined
  /** Milliseconds between two questions for a service when the answer does not say how long it holds, as on 3.x. Default 10 000. */
  readonly pollIntervalMs?: number | undefined
  /**
   * Turns the weight that an instance was registered with into that of the load balancer, where clients count differently: go-kratos
   * registers 100 by default, the others 1. Called with the metadata of the instance. When it throws, or gives no number from 0 up, that
   * instance is left out, with an event. Default: the weight as it is.
   */
  readonly weightOf?: WeightOf | undefined
  /**
   * Lets 1.x and 2.x servers push over UDP. What they push is not believed: it only makes the next question come sooner. Nacos pushes only
   * to agents it knows, so that questions then carry the `User-Agent` of its Java client, as its Node client does. Default: off.
   */
  readonly udpPush?: UdpPushOptions | undefined
}

/** Options of `NacosRegistrar`. */
export interface NacosRegistrarOptions extends NacosOptions {
  /** Cluster in which instances are registered. Default `DEFAULT`. */
  readonly cluster?: string | undefined
  /** Called with every failure after the first registration, and of one to take a registration back in `close()`. */
  readonly onError?: ((cause: unknown) => void) | undefined
}

const commonKeys: readonly (keyof NacosOptions)[] = [
  'servers',
  'contextPath',
  'namespace',
  'group',
  'username',
  'password',
  'tls',
  'timeoutMs',
  'clock',
  'random',
]

/** @throws InvalidOptionError */
export function checkDiscoveryOptions(options: NacosDiscoveryOptions): void {
  const path = 'NacosDiscovery'
  checkKeys(path, options, [...commonKeys, 'clusters', 'pollIntervalMs', 'weightOf', 'udpPush'])
  checkCommon(path, options)
  checkClusters(`${path}.clusters`, options.clusters)
  checkDurationMs(`${path}.pollIntervalMs`, options.pollIntervalMs, { min: 100 })
  checkFunction(`${path}.weightOf`, options.weightOf)
  checkUdpPush(`${path}.udpPush`, options.udpPush)
}

/** @throws InvalidOptionError */
export function checkRegistrarOptions(options: NacosRegistrarOptions): void {
  const path = 'NacosRegistrar'
  checkKeys(path, options, [...commonKeys, 'cluster', 'onError'])
  checkCommon(path, options)
  if (options.cluster !== undefined) checkCluster(`${path}.cluster`, options.cluster)
  checkFunction(`${path}.onError`, options.onError)
}

/** Servers and TLS are checked by the client that uses them. */
function checkCommon(path: string, options: NacosOptions): void {
  const { contextPath, namespace, group } = options
  if (contextPath !== undefined && !/^\/(?:\w[\w.~-]*(?:\/\w[\w.~-]*)*)?$/.test(String(contextPath))) {
    rejectOption(`${path}.contextPath`, 'a path such as "/nacos", or "/"', contextPath)
  }
  if (namespace !== undefined && (typeof namespace !== 'string' || namespace === '')) {
    rejectOption(`${path}.namespace`, 'the id of a namespace', namespace, 'Leave it out for "public"')
  }
  if (group !== undefined && (typeof group !== 'string' || serviceNameProblem({ group, name: group }) !== undefined)) {
    rejectOption(`${path}.group`, 'the name of a group', group)
  }
  checkCredentials(path, options)
  checkDurationMs(`${path}.timeoutMs`, options.timeoutMs, { min: 1 })
  checkFunction(`${path}.random`, options.random)
  checkClock(`${path}.clock`, options.clock)
}

function checkCredentials(path: string, { username, password }: NacosOptions): void {
  if (username === undefined && password === undefined) return
  if (typeof username !== 'string' || username === '') {
    rejectOption(`${path}.username`, 'the name of a user when there is a password', username)
  }
  if (typeof password === 'string' && password !== '') return
  // What was given may be a secret in the wrong shape.
  rejectOption(`${path}.password`, 'a text that is not empty when there is a username', undefined)
}

function checkClusters(path: string, clusters: unknown): void {
  if (clusters === undefined) return
  if (!Array.isArray(clusters) || clusters.length === 0) {
    rejectOption(path, 'an array of names of clusters', clusters, 'Leave it out for all of them')
  }
  for (const [index, cluster] of clusters.entries()) checkCluster(`${path}[${index}]`, cluster)
}

/** Nacos allows letters, digits and "-" here; "_" too in practice. A comma would be two clusters. */
function checkCluster(path: string, cluster: unknown): void {
  if (typeof cluster === 'string' && /^[\w-]{1,64}$/.test(cluster)) return
  rejectOption(path, 'the name of a cluster: up to 64 letters, digits, "-" and "_"', cluster)
}

function checkUdpPush(path: string, options: UdpPushOptions | undefined): void {
  if (options === undefined) return
  checkKeys(path, options, ['host', 'port'])
  if (typeof options.host !== 'string' || !/^\d{1,3}(?:\.\d{1,3}){3}$/.test(options.host)) {
    rejectOption(`${path}.host`, 'the IPv4 address of this process as the servers see it', options.host)
  }
  checkInteger(`${path}.port`, options.port, 0, 65_535)
}
