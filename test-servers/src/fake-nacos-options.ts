import type { FakeNacosLifetimes } from './fake-nacos-registry.ts'

export type FakeNacosVersion = '1.4' | '2.5' | '3.0' | '3.2'

export interface FakeNacosOptions {
  /** Which server it behaves like. Default 3.2. */
  readonly version?: FakeNacosVersion
  /** Port on 127.0.0.1. Default: any. */
  readonly port?: number
  /** Default `/nacos`. */
  readonly contextPath?: string
  /** Whether 3.0 has version 1 of the API for clients; a real one can switch it off. Default true. */
  readonly clientCompatibility?: boolean
  /** Asks for a token of this user, or for name and password in the query, as the official Node client sends them. Default: nobody has to log in. */
  readonly auth?: { readonly username: string; readonly password: string; readonly tokenTtlSeconds?: number }
  /** How long clients are told to use a list. Default 10 000. */
  readonly cacheMillis?: number
  /** Default: those of a real one, 5 s, 15 s and 30 s. */
  readonly lifetimes?: Partial<FakeNacosLifetimes>
  /** How long it waits for the acknowledgement of a push before it sends once more. Default 10 000. */
  readonly pushTimeoutMs?: number
}
