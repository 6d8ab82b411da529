import { type LoadBalancedAdapterOptions, loadBalance } from '@lb/axios'
import type { LoadBalancer, MetadataMatch } from '@lb/core'
import { checkKeys } from '@lb/core/authoring'
import axios, { type AxiosInstance, type CreateAxiosDefaults } from 'axios'
import type { LoadBalancerHost } from './load-balancer-host.ts'
import { namingCall, rejectCall } from './options.ts'
import { defaultName, featureCall } from './tokens.ts'

/** A client of one service, and how it sends requests. */
export interface ServiceClientOptions extends Omit<LoadBalancedAdapterOptions, 'match'> {
  /** The name of the service, 1 to 253 characters that may be a host. */
  readonly service: string
  /** The name of its load balancer. @default the unnamed load balancer */
  readonly loadBalancer?: string | undefined
  /**
   * What the metadata of the instance must say: of every request the same, as an object, or a function of the request. The keys that count
   * are those of `routing.keys` of the service.
   * @default undefined: any instance will do
   */
  readonly match?: MetadataMatch | LoadBalancedAdapterOptions['match'] | undefined
  /**
   * Defaults of its requests, as for `axios.create`. `baseURL` may be a path of the service, such as `/v1`.
   * @default {}
   */
  readonly axios?: CreateAxiosDefaults | undefined
}

const clientKeys = Object.keys({
  service: true,
  loadBalancer: true,
  axios: true,
  adapter: true,
  serviceOf: true,
  hostHeader: true,
  hashKey: true,
  match: true,
  criticality: true,
  criticalityHeader: true,
  idempotent: true,
  undici: true,
  pool: true,
} satisfies Record<keyof ServiceClientOptions, true>)

/** @throws InvalidOptionError that names the call */
export function checkServiceClient(given: string | ServiceClientOptions): ServiceClientOptions {
  const client = typeof given === 'string' ? { service: given } : given
  const {
    service,
    loadBalancer = defaultName,
    axios: defaults,
  } = namingCall('LoadBalancerModule.forFeature', () => {
    checkKeys('client', client, clientKeys)
    return client
  })
  const call = featureCall(service, loadBalancer)
  // It is the host of a URL.
  if (typeof service !== 'string' || !/^[^\s\p{Cc}/?#@\\:[\]]{1,253}$/u.test(service)) {
    rejectCall(call, 'that is not the name of a service', 'give 1 to 253 characters that may stand for a host')
  }
  const baseURL = defaults?.baseURL
  if (baseURL !== undefined && !/^\/(?!\/)/.test(baseURL)) {
    rejectCall(
      call,
      `baseURL is ${JSON.stringify(baseURL)}`,
      'give a path such as "/v1", or use loadBalance of @lb/axios',
    )
  }
  return client
}

/** @throws InvalidOptionError if `services` of the load balancer does not list the service */
export type CreateServiceClient = (options: ServiceClientOptions) => AxiosInstance

/** Creates the service clients of one load balancer. */
export function serviceClientFactory(lb: LoadBalancer, host: LoadBalancerHost): CreateServiceClient {
  return ({ service, loadBalancer = defaultName, axios: defaults, match, ...options }) => {
    const { call, configuredServices } = host
    const feature = featureCall(service, loadBalancer)
    if (configuredServices?.has(service) === false) {
      const known = Array.from(configuredServices).join(', ')
      rejectCall(
        feature,
        `${call} does not know the service (known: ${known})`,
        'correct the name or add it to services',
      )
    }
    host.addService(service)
    const client = axios.create({ ...defaults, baseURL: `lb://${service}${defaults?.baseURL ?? ''}` })
    return namingCall(feature, () =>
      loadBalance(client, lb, { ...options, match: typeof match === 'object' ? () => match : match }),
    )
  }
}
