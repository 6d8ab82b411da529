import type { Readable } from 'node:stream'
import type { LoadBalancer } from '@lb/core'

/** A request that the suite sends through the client under test. */
export interface HttpClientRequest {
  /** The URL, usually `http://user-service/…`. */
  readonly url: string
  /** The method. @default 'GET' */
  readonly method?: string
  /** Headers of the request. */
  readonly headers?: Readonly<Record<string, string>>
  /** The body: text, or a Node stream if the client supports streams. */
  readonly body?: string | Readable
  /** Aborts the request. */
  readonly signal?: AbortSignal
  /** Limit of the whole request in milliseconds, by the client's own option. */
  readonly timeoutMs?: number
}

/** The response that the client under test returned. */
export interface HttpClientResponse {
  /** The status. */
  readonly status: number
  /** The whole body as text. */
  readonly body: string
}

/** Options of lb that the suite sets on the client under test. */
export interface HttpClientOptions {
  /** The client's option of this name. @default undefined */
  readonly criticalityHeader?: boolean | string | undefined
}

/** The client under test, with lb installed. */
export interface HttpClientHarness {
  /** Creates a client. It resolves for every status, and rejects if there is no response. */
  create(lb: LoadBalancer, options?: HttpClientOptions): (request: HttpClientRequest) => Promise<HttpClientResponse>
}

/** What a client can do. The suite tests the declared capabilities. */
export interface HttpClientCapabilities {
  /** Whether bodies can be Node streams. @default true */
  readonly streams?: boolean
  /** Whether the client has its own time limit. @default true */
  readonly timeout?: boolean
  /** Whether its option `match` gives `{ version }`, from the header `x-version` of a request. @default false */
  readonly match?: boolean
  /**
   * Whether its option `criticality` gives the value of the header `x-class` of a request, and its option `criticalityHeader` is the one that
   * `create` gets.
   * @default false
   */
  readonly criticality?: boolean
  /** Whether the client follows redirects. @default false */
  readonly redirects?: boolean
}
