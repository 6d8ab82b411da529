import type { TlsOptions } from '@lb/registry-http'

/** How the API server of a cluster is reached. */
export interface ClusterAccess {
  /** `https://host:port`. */
  readonly server: string
  readonly tls: TlsOptions
  readonly token?: string | undefined
  readonly tokenFile?: string | undefined
  /** Where services without one in their name are. */
  readonly namespace?: string | undefined
}
