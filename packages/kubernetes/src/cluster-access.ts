import type { TlsOptions } from '@lb/registry-http'
import type { TokenSource } from './bearer-token.ts'

/** How the API server of a cluster is reached. */
export interface ClusterAccess {
  /** `https://host:port`. */
  readonly server: string
  /** A function is asked for each connection. */
  readonly tls: TlsOptions | (() => Promise<TlsOptions>)
  /** Instead of `token` and `tokenFile`. */
  readonly tokens?: TokenSource | undefined
  readonly token?: string | undefined
  readonly tokenFile?: string | undefined
  /** Where services without one in their name are. */
  readonly namespace?: string | undefined
}
