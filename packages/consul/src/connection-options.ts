import { type Clock, InvalidOptionError, type Random } from '@lb/core'
import { checkClock, checkDurationMs, checkFunction, rejectOption } from '@lb/core/authoring'
import type { TlsOptions } from '@lb/registry-http'
import { agentUrl } from './agent-address.ts'
import {
  type Authorization,
  authOfEnvironment,
  type BasicAuth,
  basicAuthorization,
  withoutCredentials,
} from './basic-auth.ts'
import { type Environment, type EnvironmentSettings, readEnvironment } from './environment.ts'
import { checkToken, type Token, type TokenSource, tokenSource } from './token-source.ts'

/** How an agent is reached: the same for discovery and registration. */
export interface ConsulConnectionOptions {
  /**
   * The agent: `"http://127.0.0.1:8500"`, or an address without a scheme. Default: `CONSUL_HTTP_ADDR`, else
   * `http://127.0.0.1:8500`. User and password in it are sent as basic authentication, and shown nowhere.
   */
  readonly address?: string | undefined
  /** For a proxy in front of the agent. @default what the address holds, else `CONSUL_HTTP_AUTH` (`user:pass`), else none */
  readonly auth?: BasicAuth | undefined
  /**
   * The ACL token, or, if it expires, a function that returns it for each request.
   * @default the file of `tokenFile`, else `CONSUL_HTTP_TOKEN`, else none: the agent's own applies
   */
  readonly token?: Token | undefined
  /** A file with the token, read for each request. @default CONSUL_HTTP_TOKEN_FILE */
  readonly tokenFile?: string | undefined
  /** Consul Enterprise. @default `CONSUL_NAMESPACE`, else that of the token */
  readonly namespace?: string | undefined
  /** Consul Enterprise. @default `CONSUL_PARTITION`, else that of the agent */
  readonly partition?: string | undefined
  /**
   * How the agent is verified over `https:`. When it is given, none of the variables below counts.
   * @default `CONSUL_CACERT`, `CONSUL_CLIENT_CERT`, `CONSUL_CLIENT_KEY`, `CONSUL_TLS_SERVER_NAME`, `CONSUL_HTTP_SSL_VERIFY`
   */
  readonly tls?: TlsOptions | undefined
  /** Time limit for queries that the agent can answer at once, in milliseconds, ≥ 1. @default 5_000 */
  readonly timeoutMs?: number | undefined
  /** Where the variables come from; `{}` for none. @default `process.env`, read once, when this is constructed */
  readonly env?: Environment | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

export const connectionKeys: readonly (keyof ConsulConnectionOptions)[] = [
  'address',
  'auth',
  'token',
  'tokenFile',
  'namespace',
  'partition',
  'tls',
  'timeoutMs',
  'env',
  'clock',
  'random',
]

/** What the options and the variables say together. */
export interface Connection {
  /** Without credentials. */
  readonly url: string
  /** Basic authentication, for a proxy in front of the agent. */
  readonly authorization: Authorization | undefined
  readonly token: TokenSource
  readonly namespace: string | undefined
  readonly partition: string | undefined
  readonly tls: TlsOptions | undefined
  readonly timeoutMs: number
}

const defaultAddress = 'http://127.0.0.1:8500'

/**
 * The connection that `options` of `owner` mean, whose names were checked before. Options win over variables.
 *
 * @throws InvalidOptionError
 */
export function connectionOf(owner: string, options: ConsulConnectionOptions): Connection {
  checkConnection(owner, options)
  const env = readEnvironment(`${owner}.env`, options.env ?? process.env)
  checkToken(`${owner}.env.CONSUL_HTTP_TOKEN`, env.token)
  const isGiven = options.token !== undefined || options.tokenFile !== undefined
  return {
    ...agentOf(owner, options, env),
    token: isGiven
      ? tokenSource(owner, options.token, options.tokenFile)
      : tokenSource(owner, env.tokenFile === undefined ? env.token : undefined, env.tokenFile),
    namespace: options.namespace ?? env.namespace,
    partition: options.partition ?? env.partition,
    tls: options.tls === undefined ? env.tls : { ...options.tls },
    timeoutMs: options.timeoutMs ?? 5_000,
  }
}

function agentOf(
  owner: string,
  options: ConsulConnectionOptions,
  env: EnvironmentSettings,
): Pick<Connection, 'url' | 'authorization'> {
  const isOption = options.address !== undefined || env.address === undefined
  const path = isOption ? `${owner}.address` : `${owner}.env.CONSUL_HTTP_ADDR`
  const given = options.address ?? secured(env.address ?? defaultAddress, env.ssl)
  const { address, auth } = withoutCredentials(path, given)
  const url = agentUrl(path, address, env.ssl)
  if (options.auth !== undefined) {
    if (auth !== undefined) {
      const remedy = 'Leave one of them out'
      throw new InvalidOptionError(
        `${owner}.auth`,
        `${owner} must have auth or an address with a user, not both. ${remedy}`,
      )
    }
    return { url, authorization: basicAuthorization(`${owner}.auth`, options.auth) }
  }
  if (auth !== undefined) return { url, authorization: basicAuthorization(path, auth) }
  const authorization =
    env.auth === undefined
      ? undefined
      : basicAuthorization(`${owner}.env.CONSUL_HTTP_AUTH`, authOfEnvironment(env.auth))
  return { url, authorization }
}

/** The variable that asks for TLS wins over the scheme in the other one. */
function secured(address: string, ssl: boolean): string {
  return ssl ? address.replace(/^http:/i, 'https:') : address
}

function checkConnection(owner: string, options: ConsulConnectionOptions): void {
  checkToken(`${owner}.token`, options.token)
  if (options.token !== undefined && options.tokenFile !== undefined) {
    rejectOption(`${owner}.tokenFile`, 'absent when there is a token', options.tokenFile)
  }
  for (const name of ['tokenFile', 'namespace', 'partition'] as const) checkText(`${owner}.${name}`, options[name])
  checkDurationMs(`${owner}.timeoutMs`, options.timeoutMs, { min: 1 })
  const env: unknown = options.env
  if (env !== undefined && (typeof env !== 'object' || env === null)) {
    rejectOption(`${owner}.env`, 'an object of variables, such as process.env', env)
  }
  checkFunction(`${owner}.random`, options.random)
  checkClock(`${owner}.clock`, options.clock)
}

/** A text that is not empty, or `undefined` when absent. */
export function checkText(path: string, value: unknown): void {
  if (value !== undefined && (typeof value !== 'string' || value === '')) {
    rejectOption(path, 'a text that is not empty', value)
  }
}
