import type { IncomingMessage, ServerResponse } from 'node:http'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { type Clock, InvalidOptionError, type MetadataMatch, type ServiceInstance } from '@lb/core'
import {
  checkBoolean,
  checkClock,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  rejectOption,
  systemClock,
} from '@lb/core/authoring'
import { checkPoolOptions, type PoolOptions } from '@lb/undici/authoring'
import {
  type CriticalityOfRequest,
  type CriticalityOptions,
  checkCriticality,
  criticalityOfRequest,
} from './criticality.ts'
import type { ProxyError } from './errors.ts'
import type { HeaderList } from './headers.ts'
import { checkSticky, type StickyCookieOptions, type StickyHeaderOptions } from './sticky-session.ts'

/** A request about to be sent. */
export interface OutgoingRequest {
  /** As the client sent it. */
  readonly method: string
  /** Path and query. May be changed. */
  path: string
  /** All but `Host` and what the transport writes. May be changed. */
  readonly headers: HeaderList
}

/** A response about to be passed on. */
export interface UpstreamResponse {
  /** Where it comes from. */
  readonly instance: ServiceInstance
  /** The status that the client will get. */
  readonly statusCode: number
  /** What the client will get. May be changed. */
  readonly headers: HeaderList
}

/** How requests are passed on, and responses back. */
export interface ProxyOptions extends CriticalityOptions {
  /**
   * The path under which the proxy serves, such as `/users`: taken off before a request is sent. Needed on a bare server and
   * for upgrades, which do not pass through Express' routes. Default: what Express took off when it routed.
   */
  readonly prefix?: string | undefined
  /** Put before what remains of the path, such as `/v1`. Default: nothing. */
  readonly targetPrefix?: string | undefined
  /** Returns the path and query to request, given those without the prefix; `targetPrefix` is not added. */
  readonly rewritePath?: ((path: string, request: IncomingMessage) => string) | undefined
  /** The value of `Host`: the instance's address (default), the service's name, or what the client sent. */
  readonly hostHeader?: 'instance' | 'service' | 'client' | undefined
  /**
   * How instances that are `secure` are verified, as `tls.connect` takes it: `ca`, `cert`, `key`, `rejectUnauthorized` … The
   * certificate must name the host of the instance, with `hostHeader: 'service'` the service.
   */
  readonly tls?: (SecureContextOptions & { readonly rejectUnauthorized?: boolean | undefined }) | undefined
  /** How the connections to instances are kept. */
  readonly pool?: PoolOptions | undefined
  /** Headers that describe the client. Default `both`: `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`, `-Prefix`, and `Forwarded` (RFC 7239). */
  readonly forwarded?: 'both' | 'x-forwarded' | 'forwarded' | false | undefined
  /**
   * Whether the peer of the connection is a proxy whose `Forwarded` and `X-Forwarded-*` are believed and added to; otherwise they
   * are removed. Default: Express' setting `trust proxy`; on a bare server false.
   */
  readonly trustProxy?: (boolean | ((address: string, hop: number) => boolean)) | undefined
  /** The name of this gateway in `Via`, or false for none. Default `lb`. */
  readonly via?: string | false | undefined
  /** Makes a `Location` that leads to the instance lead through the proxy. Default true. */
  readonly rewriteLocation?: boolean | undefined
  /** Replaces the `Domain` of cookies; false removes it, so that they are for the gateway's host. Default: kept. */
  readonly cookieDomain?: string | false | undefined
  /** Puts the prefix in place of `targetPrefix` in the `Path` of cookies. Default false: kept. */
  readonly rewriteCookiePath?: boolean | undefined
  /** Upgrades that are passed on, in lower case. Default `['websocket']`. `h2c` would be a tunnel past every rule of the gateway. */
  readonly upgrades?: readonly string[] | undefined
  /**
   * How long an upgraded connection may stay open after its instance has left the service, in milliseconds. Then it is closed, a WebSocket
   * with status 1001. Default 30 000; `Infinity`: until either side closes it.
   */
  readonly tunnelGraceMs?: number | undefined
  /** Time limit for a connection to an instance, in milliseconds. Default 5 000. */
  readonly connectTimeoutMs?: number | undefined
  /** Time limit from the end of the request to the head of the response, in milliseconds. Default 60 000. */
  readonly responseTimeoutMs?: number | undefined
  /** Longest pause within a body: of the instance, or of a client that does not read or, over HTTP/2, send. In milliseconds. Default 60 000. */
  readonly idleTimeoutMs?: number | undefined
  /** Bodies of idempotent requests up to so many bytes are buffered, so that they can be sent again. Default 65 536; 0: never. */
  readonly bufferLimit?: number | undefined
  /** Whether sending the request twice has the effect of once. Default: by its method (RFC 9110 section 9.2.2). */
  readonly idempotent?: ((request: IncomingMessage) => boolean) | undefined
  /** Requests with the same key go to the same instance, with a balancer that hashes. Default: no key. */
  readonly hashKey?: (request: IncomingMessage) => string | undefined
  /**
   * What the metadata of the instance must say, such as `(request) => ({ version: request.headers['x-version']?.toString() })`. The keys that count are
   * those of `routing.keys` of the service; a value that is `undefined` says nothing. Default: any instance will do.
   */
  readonly match?: ((request: IncomingMessage) => MetadataMatch | undefined) | undefined
  /** Keeps a client on its instance, with a balancer that hashes: by a cookie of the proxy's own, or by a header. */
  readonly sticky?: StickyCookieOptions | StickyHeaderOptions | undefined
  /** What answers when a request fails: the proxy, with a problem document (default), or `next(error)` with a ProxyError. */
  readonly errors?: 'respond' | 'next' | undefined
  /** Called before a request is sent. What it throws with a `statusCode` of 4xx or 5xx refuses the request. Not waited for. */
  readonly onRequest?: ((outgoing: OutgoingRequest, request: IncomingMessage) => void) | undefined
  /** Called before a response is passed on. Not waited for. */
  readonly onResponse?:
    | ((upstream: UpstreamResponse, request: IncomingMessage, response: ServerResponse) => void)
    | undefined
  /** Called when a request fails. May answer itself; a client that went away is no failure. Not waited for. */
  readonly onError?: ((error: ProxyError, request: IncomingMessage, response: ServerResponse) => void) | undefined
  /** Source of time. Default: the system's. */
  readonly clock?: Clock | undefined
}

/** Options with defaults, checked. */
export interface ProxySettings
  extends Omit<ProxyOptions, 'prefix' | 'targetPrefix' | 'via' | 'upgrades' | 'errors' | 'bufferLimit'> {
  readonly service: string
  readonly prefix: string
  readonly targetPrefix: string
  readonly via: string | undefined
  readonly upgrades: ReadonlySet<string>
  readonly errors: 'respond' | 'next'
  readonly bufferLimit: number
  readonly hostHeader: 'instance' | 'service' | 'client'
  readonly forwarded: 'both' | 'x-forwarded' | 'forwarded' | false
  readonly rewriteLocation: boolean
  readonly connectTimeoutMs: number
  readonly responseTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly tunnelGraceMs: number
  readonly clock: Clock
  /** `undefined`: all are `default`, and no instance hears of it. */
  readonly criticalityOf: CriticalityOfRequest | undefined
}

const keys: readonly (keyof ProxyOptions)[] = [
  'prefix',
  'targetPrefix',
  'rewritePath',
  'hostHeader',
  'tls',
  'pool',
  'forwarded',
  'trustProxy',
  'via',
  'rewriteLocation',
  'cookieDomain',
  'rewriteCookiePath',
  'upgrades',
  'tunnelGraceMs',
  'connectTimeoutMs',
  'responseTimeoutMs',
  'idleTimeoutMs',
  'bufferLimit',
  'idempotent',
  'hashKey',
  'match',
  'criticality',
  'criticalityHeader',
  'sticky',
  'errors',
  'onRequest',
  'onResponse',
  'onError',
  'clock',
]

/** @throws InvalidOptionError */
export function proxySettings(service: string, options: ProxyOptions): ProxySettings {
  checkKeys('proxy', options, keys)
  checkPrefix('proxy.prefix', options.prefix)
  checkPrefix('proxy.targetPrefix', options.targetPrefix)
  checkChoice('proxy.hostHeader', options.hostHeader, ['instance', 'service', 'client'])
  checkChoice('proxy.forwarded', options.forwarded, ['both', 'x-forwarded', 'forwarded', false])
  checkChoice('proxy.errors', options.errors, ['respond', 'next'])
  if (typeof options.trustProxy !== 'function') checkBoolean('proxy.trustProxy', options.trustProxy)
  checkTls(options.tls)
  checkPoolOptions('proxy.pool', options.pool)
  checkToken('proxy.via', options.via)
  checkToken('proxy.cookieDomain', options.cookieDomain)
  checkBoolean('proxy.rewriteLocation', options.rewriteLocation)
  checkBoolean('proxy.rewriteCookiePath', options.rewriteCookiePath)
  checkUpgrades(options.upgrades)
  for (const name of ['connectTimeoutMs', 'responseTimeoutMs', 'idleTimeoutMs'] as const) {
    checkDurationMs(`proxy.${name}`, options[name], { min: 1, infinite: true })
  }
  checkDurationMs('proxy.tunnelGraceMs', options.tunnelGraceMs, { infinite: true })
  checkInteger('proxy.bufferLimit', options.bufferLimit, 0, Number.MAX_SAFE_INTEGER)
  for (const name of ['rewritePath', 'idempotent', 'hashKey', 'match', 'onRequest', 'onResponse', 'onError'] as const) {
    checkFunction(`proxy.${name}`, options[name])
  }
  checkSticky('proxy.sticky', options.sticky)
  if (options.sticky !== undefined && options.hashKey !== undefined) {
    rejectOption('proxy.hashKey', 'absent when sticky is given', options.hashKey)
  }
  checkCriticality('proxy', options)
  checkClock('proxy.clock', options.clock)
  return withDefaults(service, options)
}

function withDefaults(service: string, options: ProxyOptions): ProxySettings {
  const { prefix = '', targetPrefix = '', via = 'lb', upgrades = ['websocket'] } = options
  return {
    ...options,
    hostHeader: options.hostHeader ?? 'instance',
    forwarded: options.forwarded ?? 'both',
    rewriteLocation: options.rewriteLocation ?? true,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    responseTimeoutMs: options.responseTimeoutMs ?? 60_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    tunnelGraceMs: options.tunnelGraceMs ?? 30_000,
    bufferLimit: options.bufferLimit ?? 65_536,
    errors: options.errors ?? 'respond',
    clock: options.clock ?? systemClock,
    criticalityOf: criticalityOfRequest(options),
    service,
    prefix: prefix === '/' ? '' : prefix,
    targetPrefix: targetPrefix === '/' ? '' : targetPrefix,
    via: via === false ? undefined : via,
    upgrades: new Set(upgrades),
  }
}

function checkPrefix(path: string, value: string | undefined): void {
  if (value === undefined || value === '/') return
  if (typeof value !== 'string' || !/^\/[\w.~!$&'()*+,;=:@%/-]*[^/]$/.test(value)) {
    rejectOption(path, 'a path that begins, and does not end, with a slash', value)
  }
}

function checkChoice(path: string, value: unknown, legal: readonly unknown[]): void {
  if (value === undefined || legal.includes(value)) return
  rejectOption(path, legal.map((each) => JSON.stringify(each)).join(' or '), value)
}

function checkToken(path: string, value: string | false | undefined): void {
  if (value === undefined || value === false) return
  if (typeof value !== 'string' || !/^[\w.!#$%&'*+^`|~:-]+$/.test(value)) rejectOption(path, 'a token, or false', value)
}

function checkUpgrades(value: readonly string[] | undefined): void {
  if (value === undefined) return
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string' && /^[a-z0-9/._-]+$/.test(each))) {
    rejectOption('proxy.upgrades', 'an array of protocol names in lower case', value)
  }
}

/** Throws for what Node cannot use, such as a PEM that is none: at the construction, not at the first request. */
function checkTls(tls: ProxyOptions['tls']): void {
  if (tls === undefined) return
  if (typeof tls !== 'object' || tls === null) rejectOption('proxy.tls', 'an object', tls)
  try {
    createSecureContext(tls)
  } catch (error) {
    // The message may quote a value, such as the passphrase.
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error'
    throw new InvalidOptionError(
      'proxy.tls',
      `proxy.tls is refused by tls.createSecureContext with ${code}. Check ca, cert and key`,
    )
  }
}
