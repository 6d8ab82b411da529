import { DiscoveryError } from '@lb/core'
import { DefinedDiscovery, type InstanceList, systemClock, systemRandom } from '@lb/core/authoring'
import { RegistryClient, RegistryError, registryErrorOf } from '@lb/registry-http'
import { BearerToken } from './bearer-token.ts'
import { EndpointSliceClient } from './client.ts'
import type { EndpointSlice } from './endpoint-slice.ts'
import { instancesOfSlices } from './instances.ts'
import { accessOf, checkOptions, isPort, type KubernetesDiscoveryOptions } from './options.ts'
import { parseServiceName } from './service-name.ts'
import { ServiceWatch } from './service-watch.ts'

const defaults = Object.freeze({
  namespace: 'default',
  weightKey: 'lb/weight',
  timeoutMs: 10_000,
  watchTimeoutMs: 600_000,
  idleTimeoutMs: 180_000,
})

/** Delays as of client-go; a watch that was shorter than a second is a failure. */
const sessions = Object.freeze({ retryMinMs: 800, retryMaxMs: 30_000, stableAfterMs: 1_000 })
/** What only a person can mend is asked for seldom; and no server may silence a client for longer than that. */
const longRetryMs = 30_000
const longestRetryMs = 120_000

/**
 * Instances by the EndpointSlices of Kubernetes Services, watched: the pods themselves, not the Service's virtual address, which
 * balances connections instead of requests.
 *
 *     new KubernetesDiscovery()                                  // in a pod: its cluster, its namespace
 *     new KubernetesDiscovery({ kubeconfig: '/home/me/.kube/config' })
 *
 * Services are named as in Kubernetes' DNS: `orders`, `orders.prod`. A Service that does not exist has no instances. A watch lists, then
 * watches, and goes on from where it was when a connection ends. After failures it backs off, up to 30 s.
 */
export class KubernetesDiscovery extends DefinedDiscovery {
  /** Reads the kubeconfig, when there is one. @throws InvalidOptionError */
  constructor(options: KubernetesDiscoveryOptions = {}) {
    checkOptions(options)
    // Copied, so that what the caller does to it later changes nothing.
    const copied = { ...options }
    const { clock = systemClock, random = systemRandom, timeoutMs = defaults.timeoutMs } = options
    const { watchTimeoutMs = defaults.watchTimeoutMs, idleTimeoutMs = defaults.idleTimeoutMs } = options
    const { server, tls, namespace = defaults.namespace, ...access } = accessOf(options, { clock, timeoutMs })
    const http = new RegistryClient({ owner: 'KubernetesDiscovery', servers: [server], tls, timeoutMs, clock })
    const client = new EndpointSliceClient(http, access.tokens ?? new BearerToken({ ...access, clock }))
    super({
      service: (service) =>
        new ServiceWatch({
          client,
          service: parseServiceName(service, options.namespace ?? namespace),
          instancesOf: (slices) => instancesOf(service, slices, copied),
          watchTimeoutMs,
          idleTimeoutMs,
          random,
        }),
      sessions: { ...sessions, retryAfterMs },
      errorOf: registryErrorOf,
      close: () => http.close(),
      clock,
      random,
    })
  }

  get [Symbol.toStringTag](): string {
    return 'KubernetesDiscovery'
  }
}

function instancesOf(
  service: string,
  slices: Iterable<EndpointSlice>,
  { port, family, zone, node, weightKey = defaults.weightKey }: KubernetesDiscoveryOptions,
): InstanceList {
  return instancesOfSlices(slices, { port: portOf(service, port), family, zone, node, weightKey })
}

function portOf(service: string, port: KubernetesDiscoveryOptions['port']): string | number | undefined {
  if (typeof port !== 'function') return port
  const given: unknown = port(service)
  if (given === undefined || isPort(given)) return given
  throw new DiscoveryError(
    'the option port gave neither the name of a port nor a number in [1, 65535]. Return undefined for the usual one',
  )
}

function retryAfterMs(cause: unknown): number | undefined {
  if (!(cause instanceof RegistryError)) return undefined
  if (cause.retryAfterMs !== undefined) return Math.min(cause.retryAfterMs, longestRetryMs)
  return cause.status === 403 || cause.status === 404 ? longRetryMs : undefined
}
