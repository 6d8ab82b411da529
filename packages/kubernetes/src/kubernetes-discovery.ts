import {
  DiscoveryError,
  type DiscoveryObserver,
  type DiscoverySubscription,
  type ServiceDiscovery,
  type ServiceInstanceInit,
} from '@lb/core'
import {
  type DefinedDiscovery,
  defineDiscovery,
  type InstanceList,
  systemClock,
  systemRandom,
} from '@lb/core/authoring'
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
 * Services are named as in Kubernetes' DNS: `orders`, `orders.prod`. A Service that does not exist has no instances.
 */
export class KubernetesDiscovery implements ServiceDiscovery {
  readonly #options: KubernetesDiscoveryOptions
  readonly #discovery: DefinedDiscovery

  /** Reads the kubeconfig, when there is one. @throws InvalidOptionError */
  constructor(options: KubernetesDiscoveryOptions = {}) {
    checkOptions(options)
    // Copied, so that what the caller does to it later changes nothing.
    this.#options = { ...options }
    const { clock = systemClock, random = systemRandom, timeoutMs = defaults.timeoutMs } = options
    const { watchTimeoutMs = defaults.watchTimeoutMs, idleTimeoutMs = defaults.idleTimeoutMs } = options
    const { server, tls, namespace = defaults.namespace, ...access } = accessOf(options, { clock, timeoutMs })
    const http = new RegistryClient({ owner: 'KubernetesDiscovery', servers: [server], tls, timeoutMs, clock })
    const client = new EndpointSliceClient(http, access.tokens ?? new BearerToken({ ...access, clock }))
    this.#discovery = defineDiscovery({
      service: (service) =>
        new ServiceWatch({
          client,
          service: parseServiceName(service, options.namespace ?? namespace),
          instancesOf: (slices) => this.#instances(service, slices),
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

  /**
   * Asks the API server for the newest list.
   *
   * @throws DiscoveryError when it cannot be known which instances there are; the reason of `signal` when that is aborted;
   * LoadBalancerClosedError
   */
  getInstances(
    service: string,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<readonly ServiceInstanceInit[]> {
    return this.#discovery.getInstances(service, options)
  }

  /** Lists, then watches, and goes on from where it was when a connection ends. After failures it backs off, up to 30 s. */
  watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    return this.#discovery.watch(service, observer)
  }

  /** Ends everything: watches, timers, connections. What is under way rejects with LB_CLOSED; later calls do too. */
  close(): Promise<void> {
    return this.#discovery.close()
  }

  #instances(service: string, slices: Iterable<EndpointSlice>): InstanceList {
    const { family, zone, node, weightKey = defaults.weightKey } = this.#options
    return instancesOfSlices(slices, { port: this.#portOf(service), family, zone, node, weightKey })
  }

  #portOf(service: string): string | number | undefined {
    const { port } = this.#options
    if (typeof port !== 'function') return port
    const given: unknown = port(service)
    if (given === undefined || isPort(given)) return given
    throw new DiscoveryError(
      'the option port gave neither the name of a port nor a number in [1, 65535]. Return undefined for the usual one',
    )
  }
}

function retryAfterMs(cause: unknown): number | undefined {
  if (!(cause instanceof RegistryError)) return undefined
  if (cause.retryAfterMs !== undefined) return Math.min(cause.retryAfterMs, longestRetryMs)
  return cause.status === 403 || cause.status === 404 ? longRetryMs : undefined
}
