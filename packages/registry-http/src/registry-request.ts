/** One request to a registry. */
export interface RegistryRequest {
  /** HTTP method. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Begins with a slash; joined to the path of the server. Parts that are not known beforehand are to be encoded. */
  readonly path: string
  /** Encoded into the URL. `undefined` is left out; `true` is a bare name. No secret belongs here. */
  readonly query?: Readonly<Record<string, string | number | true | undefined>> | undefined
  /** An object is sent as JSON, `URLSearchParams` as a form, a text as it is. */
  readonly body?: object | URLSearchParams | string | undefined
  /** Headers by name; `undefined` is left out. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  /** Instead of that of the client. */
  readonly timeoutMs?: number | undefined
  /** Ends the request; it rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
  /** Asks this one of `servers` only. Default: the one that answered last, then the others. */
  readonly server?: string | undefined
  /** False: another server is not tried after a failure on which this request may have been carried out. Default true. */
  readonly idempotent?: boolean | undefined
  /** True: the answer does not keep the process alive, such as that of a long poll. Default false. */
  readonly background?: boolean | undefined
}
