/** One call of the client that is under way: interrupted by its caller's signal, or because the client is closed. */
export interface OpenCall {
  readonly signal: AbortSignal
  /** Nothing interrupts it any more. */
  end(): void
}

/** The calls that are under way. */
export class OpenCalls {
  readonly #interrupts = new Set<(reason: unknown) => void>()

  /** @throws the reason of `signal` when that is already aborted */
  begin(signal: AbortSignal | undefined): OpenCall {
    signal?.throwIfAborted()
    const controller = new AbortController()
    const interrupt = (reason: unknown): void => {
      end()
      controller.abort(reason)
    }
    const onAbort = (): void => interrupt(signal?.reason)
    const end = (): void => {
      signal?.removeEventListener('abort', onAbort)
      this.#interrupts.delete(interrupt)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#interrupts.add(interrupt)
    return { signal: controller.signal, end }
  }

  interrupt(reason: unknown): void {
    for (const interrupt of this.#interrupts) interrupt(reason)
  }
}
