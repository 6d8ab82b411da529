import { rejectOption } from '@lb/core/authoring'
import type { TlsOptions } from '@lb/registry-http'

/** Variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What the variables of Consul's own clients say. */
export interface EnvironmentSettings {
  readonly address?: string
  readonly ssl: boolean
  /** `user:pass`. */
  readonly auth?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly namespace?: string
  readonly partition?: string
  readonly tls?: TlsOptions
}

const yes: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const no: ReadonlySet<string> = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])

/**
 * Reads `CONSUL_HTTP_ADDR`, `CONSUL_HTTP_SSL`, `CONSUL_HTTP_AUTH`, `CONSUL_HTTP_TOKEN`, `CONSUL_HTTP_TOKEN_FILE`, `CONSUL_NAMESPACE`,
 * `CONSUL_PARTITION`, `CONSUL_CACERT`, `CONSUL_CLIENT_CERT`, `CONSUL_CLIENT_KEY`, `CONSUL_TLS_SERVER_NAME` and `CONSUL_HTTP_SSL_VERIFY`. An empty one is none.
 *
 * Source: Consul, "Environment variables" of its commands. @throws InvalidOptionError
 */
export function readEnvironment(path: string, env: Environment): EnvironmentSettings {
  const text = (name: string): string | undefined => (env[name] === '' ? undefined : env[name])
  const flag = (name: string): boolean | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    if (!yes.has(value) && !no.has(value)) rejectOption(`${path}.${name}`, '"true" or "false"', value)
    return yes.has(value)
  }
  return present({
    address: text('CONSUL_HTTP_ADDR'),
    ssl: flag('CONSUL_HTTP_SSL') ?? false,
    auth: text('CONSUL_HTTP_AUTH'),
    token: text('CONSUL_HTTP_TOKEN'),
    tokenFile: text('CONSUL_HTTP_TOKEN_FILE'),
    namespace: text('CONSUL_NAMESPACE'),
    partition: text('CONSUL_PARTITION'),
    tls: tlsOf({
      caFile: text('CONSUL_CACERT'),
      certFile: text('CONSUL_CLIENT_CERT'),
      keyFile: text('CONSUL_CLIENT_KEY'),
      serverName: text('CONSUL_TLS_SERVER_NAME'),
      rejectUnauthorized: flag('CONSUL_HTTP_SSL_VERIFY'),
    }),
  })
}

type Optional<T> = { readonly [K in keyof T]: T[K] | undefined }

function tlsOf(options: Optional<TlsOptions>): TlsOptions | undefined {
  return Object.values(options).every((value) => value === undefined) ? undefined : present(options)
}

/** Without the fields that are undefined. */
function present<T extends object>(fields: Optional<T>): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
