import type { EventStream } from '../events/event-stream.ts'

/** A request, by whatever server it came. */
export interface Exchange {
  readonly method: string
  /** Path and query, as they are at the mount. */
  readonly target: string
  /** Path and query as the client sent them, if the server knows them. */
  readonly originalTarget: string
  /** Whether what is not the dashboard's goes on to another handler. */
  readonly hasNext: boolean
  /** A header by its name in lower case. */
  readonly header: (name: string) => string | undefined
  /** The body as text, or what a parser made of it. @throws ApiError if it is too large, or does not arrive */
  readonly body: () => Promise<unknown>
  /** The request of the server itself. */
  readonly raw: object
}

/** A response, for whatever server. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | EventStream
}
