/** Counts calls under way, and waits for the last one. */
export class OpenCalls {
  #open = 0
  #closing: Promise<void> | undefined
  #resolve: () => void = () => {}

  /** Whether there are to be no further ones. */
  get closing(): boolean {
    return this.#closing !== undefined
  }

  began(): void {
    this.#open++
  }

  ended(): void {
    this.#open--
    if (this.#open === 0) this.#resolve()
  }

  /** Resolves when none is left. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#resolve = resolve
      if (this.#open === 0) resolve()
    })
    return this.#closing
  }
}
