/** A whole response of a registry, whatever its status. */
export interface RegistryAnswer {
  /** HTTP status. */
  readonly status: number
  /** Headers by lower-case name; of a repeated header the first. */
  readonly headers: ReadonlyMap<string, string>
  /** The body; malformed UTF-8 becomes U+FFFD. */
  readonly text: string
  /** The server that answered. */
  readonly server: string
  /** The body read as JSON. @throws RegistryError when it is not */
  json(): unknown
}

/** An answer that arrives in parts. It holds a connection until it is read to its end, left, or aborted. */
export interface RegistryStream {
  /** HTTP status. */
  readonly status: number
  /** Headers by lower-case name; of a repeated header the first. */
  readonly headers: ReadonlyMap<string, string>
  /** The server that answered. */
  readonly server: string
  /**
   * The lines of the body as they come, without their ends; empty ones are left out. Ends when the server ends the answer. Leaving
   * the loop, or the signal, aborts the request.
   *
   * @throws RegistryError when the connection breaks, a line is too long, or nothing at all came for `idleTimeoutMs`; the reason of the signal
   */
  lines(): AsyncIterableIterator<string>
  /** The whole body at once, for an answer that is an error; within `timeoutMs`. @throws RegistryError, or the reason of the signal */
  text(): Promise<string>
}
