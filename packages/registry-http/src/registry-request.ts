/** One request to a registry. */
export interface RegistryRequest {
  /** HTTP method. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Starts with a slash, and is appended to the path of the server. The caller encodes its variable parts. */
  readonly path: string
  /** Encoded into the URL. `undefined` is left out; `true` is a bare name. No secret belongs here. */
  readonly query?: Readonly<Record<string, string | number | true | undefined>> | undefined
  /** An object is sent as JSON, `URLSearchParams` as a form, a text as it is. */
  readonly body?: object | URLSearchParams | string | undefined
  /** Headers by name; `undefined` is left out. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  /** Time limit in milliseconds, ≥ 1. @default that of the client */
  readonly timeoutMs?: number | undefined
  /** Ends the request; it rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
  /** The one of `servers` to query. @default the one that answered last, then the others */
  readonly server?: string | undefined
  /** `false`: if a server may have carried out the request, no other server is tried. @default true */
  readonly idempotent?: boolean | undefined
  /** `true`: the answer does not keep the process alive, such as that of a long poll. @default false */
  readonly background?: boolean | undefined
}
