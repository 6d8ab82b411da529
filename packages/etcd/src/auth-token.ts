/** The token of a user, asked for when it is first needed, and again after it was rejected; once for all who wait. */
export class AuthToken {
  readonly #authenticate: () => Promise<string>
  #current: Promise<string> | undefined

  constructor(authenticate: () => Promise<string>) {
    this.#authenticate = authenticate
  }

  /** @throws what `authenticate` throws; the next call then asks again */
  async get(): Promise<string> {
    this.#current ??= this.#authenticate()
    const mine = this.#current
    try {
      return await mine
    } catch (cause) {
      if (this.#current === mine) this.#current = undefined
      throw cause
    }
  }

  /** `token` was rejected. Does nothing when there is another one already. */
  async reject(token: string): Promise<void> {
    const before = this.#current
    if ((await before?.catch(() => undefined)) === token && this.#current === before) this.#current = undefined
  }
}
