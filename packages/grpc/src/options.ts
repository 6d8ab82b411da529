import * as grpcJs from '@grpc/grpc-js'
import type { Criticality, LoadBalancer, MetadataMatch } from '@lb/core'
import {
  type CriticalityRule,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  checkLoadBalancer,
  rejectOption,
} from '@lb/core/authoring'
import { criticalityRule } from './call-criticality.ts'
import type { GrpcCallInfo } from './call-info.ts'
import type { GrpcModule } from './grpc-module.ts'

/** Which channels go to services of the load balancer, and how. */
export interface RegisterLoadBalancerOptions {
  /** The scheme of targets: `lb:user-service`. Two load balancers of one process need two schemes. @default 'lb' */
  readonly scheme?: string | undefined
  /** Calls with the same key go to the same instance, with a balancer that hashes. @default no key */
  readonly hashKey?: ((call: GrpcCallInfo) => string | undefined) | undefined
  /**
   * What the metadata of the instance must say, such as `({ metadata }) => ({ version: metadata.get('x-version')[0]?.toString() })`. The
   * keys that count are those of `routing.keys` of the service; a value that is `undefined` says nothing.
   * @default any instance will do
   */
  readonly match?: ((call: GrpcCallInfo) => MetadataMatch | undefined) | undefined
  /**
   * What a call is worth if the service is overloaded: the lowest class is refused first. A class for all calls, a function of the call, or
   * the key of the metadata that says it, such as `x-lb-criticality`. What is no class in metadata, or of a function, counts as `default`.
   * @default every call is `default`
   */
  readonly criticality?: string | ((call: GrpcCallInfo) => Criticality | undefined) | undefined
  /**
   * Methods for which calling twice has the effect of once: `/users.v1.Users/GetUser`, or `/users.v1.Users/*` for all of a
   * service. Their calls are repeated on another instance, unless the service config of the channel has a retry or
   * hedging policy for them.
   * @default []
   */
  readonly idempotent?: readonly string[] | undefined
  /** Most attempts after the first of an idempotent call, from 0 to 4, the most that grpc-js makes. @default 2 */
  readonly maxRetries?: number | undefined
  /**
   * An idempotent call without any message for this long, in milliseconds, ≥ 10, or `Infinity` for never, is also sent to another
   * instance; the first message counts. Where responses usually take longer, so does the wait.
   * @default 500
   */
  readonly secondTryAfterMs?: number | undefined
  /** A connection that is not established within this many milliseconds, ≥ 1, counts as failed. @default 3_000 */
  readonly connectTimeoutMs?: number | undefined
  /**
   * The name that the certificate of an instance must have: of its host, or of the service. `grpc.ssl_target_name_override` of
   * a channel goes before.
   * @default the host if it is a DNS name, else the service
   */
  readonly serverName?: 'instance' | 'service' | undefined
  /** The package `@grpc/grpc-js` that the clients use, if several copies are installed. @default the one that lb finds */
  readonly grpc?: GrpcModule | undefined
}

/** The options of a registration with every default filled in. */
export interface RegistrationSettings {
  readonly scheme: string
  readonly hashKey: RegisterLoadBalancerOptions['hashKey']
  readonly match: RegisterLoadBalancerOptions['match']
  readonly criticality: CriticalityRule<GrpcCallInfo> | undefined
  /** Whether any of these says something of a call's pick. */
  readonly hasWishes: boolean
  readonly idempotent: readonly string[]
  readonly maxRetries: number
  readonly secondTryAfterMs: number
  readonly connectTimeoutMs: number
  readonly serverName: 'instance' | 'service' | undefined
  readonly grpc: GrpcModule
}

const caller = 'registerLoadBalancer'
const known = [
  'scheme',
  'hashKey',
  'match',
  'criticality',
  'idempotent',
  'maxRetries',
  'secondTryAfterMs',
  'connectTimeoutMs',
  'serverName',
  'grpc',
]

/** grpc-js makes at most five attempts. */
const mostRetries = 4

/** @throws InvalidOptionError */
export function registrationSettings(lb: LoadBalancer, options: RegisterLoadBalancerOptions): RegistrationSettings {
  checkLoadBalancer(`${caller}.lb`, lb)
  checkKeys(caller, options, known)
  const { scheme = 'lb', hashKey, match, criticality, idempotent = [], maxRetries = 2 } = options
  const { secondTryAfterMs = 500, connectTimeoutMs = 3_000, serverName, grpc = grpcJs } = options
  if (typeof scheme !== 'string' || !/^[a-z][a-z\d+.-]*$/.test(scheme)) {
    rejectOption(`${caller}.scheme`, 'a scheme of URIs in lower case, such as "lb"', scheme)
  }
  checkFunction(`${caller}.hashKey`, hashKey)
  checkFunction(`${caller}.match`, match)
  checkMethods(`${caller}.idempotent`, idempotent)
  checkInteger(`${caller}.maxRetries`, maxRetries, 0, mostRetries)
  checkDurationMs(`${caller}.secondTryAfterMs`, secondTryAfterMs, { min: 10, infinite: true })
  checkDurationMs(`${caller}.connectTimeoutMs`, connectTimeoutMs, { min: 1 })
  if (serverName !== undefined && serverName !== 'instance' && serverName !== 'service') {
    rejectOption(`${caller}.serverName`, '"instance" or "service"', serverName)
  }
  if (typeof grpc?.experimental?.registerResolver !== 'function') {
    rejectOption(`${caller}.grpc`, 'the package @grpc/grpc-js (import * as grpc from "@grpc/grpc-js")', grpc)
  }
  const copied = Object.freeze([...idempotent])
  return {
    scheme,
    hashKey,
    match,
    criticality: criticalityRule(`${caller}.criticality`, criticality),
    hasWishes: hashKey !== undefined || match !== undefined || criticality !== undefined,
    idempotent: copied,
    maxRetries,
    secondTryAfterMs,
    connectTimeoutMs,
    serverName,
    grpc,
  }
}

function checkMethods(path: string, methods: unknown): void {
  if (!Array.isArray(methods)) rejectOption(path, 'an array of methods such as "/users.v1.Users/GetUser"', methods)
  for (const [index, method] of methods.entries()) {
    if (typeof method !== 'string' || !/^\/[\w.]+\/(?:\w+|\*)$/.test(method)) {
      rejectOption(`${path}[${index}]`, 'a method such as "/users.v1.Users/GetUser" or "/users.v1.Users/*"', method)
    }
  }
}
