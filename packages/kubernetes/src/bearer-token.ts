import { readFile } from 'node:fs/promises'
import { type Clock, DiscoveryError } from '@lb/core'

export interface BearerTokenOptions {
  readonly token?: string | undefined
  readonly tokenFile?: string | undefined
  readonly clock: Clock
}

/** Tokens of pods are replaced while they run: the file is read again after this (client-go's figure too). */
const readAgainAfterMs = 60_000
/** After a failure, the token that is known is used on, and the file tried again after this. */
const tryAgainAfterMs = 10_000

/** What can stand in a header; and no token is that long. */
const tokenShape = /^[\x21-\x7e]{1,65536}$/

/** Whether `token` can be sent. */
export function isToken(token: string): boolean {
  return tokenShape.test(token)
}

/** Where the token of each request comes from. */
export interface TokenSource {
  /** `undefined`: requests carry none. @throws DiscoveryError when there should be one */
  current(): Promise<string | undefined>
  /** Another token than `refused`, when there is one by now. */
  insteadOf(refused: string | undefined): Promise<string | undefined>
}

/** A token that is fixed, or what is in a file. */
export class BearerToken implements TokenSource {
  readonly #options: BearerTokenOptions
  #token: string | undefined
  #readAgainAtMs = Number.NEGATIVE_INFINITY
  #reading: Promise<string> | undefined

  constructor(options: BearerTokenOptions) {
    this.#options = options
    this.#token = options.token
  }

  /** `undefined`: requests carry none. @throws DiscoveryError when the file was never readable */
  async current(): Promise<string | undefined> {
    const { tokenFile, clock } = this.#options
    if (tokenFile === undefined) return this.#token
    if (this.#token !== undefined && clock.now() < this.#readAgainAtMs) return this.#token
    try {
      return await this.#read(tokenFile)
    } catch (cause) {
      if (this.#token === undefined) throw cause
      return this.#token
    }
  }

  /** Another token than `refused`, when there is one by now. */
  async insteadOf(refused: string | undefined): Promise<string | undefined> {
    const { tokenFile } = this.#options
    if (tokenFile === undefined) return undefined
    const token = await this.#read(tokenFile).catch(() => undefined)
    return token === refused ? undefined : token
  }

  /** One reading at a time, for all callers. */
  #read(tokenFile: string): Promise<string> {
    this.#reading ??= this.#readNow(tokenFile).finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readNow(tokenFile: string): Promise<string> {
    const { clock } = this.#options
    try {
      const token = (await readFile(tokenFile, 'utf8')).trim()
      if (!isToken(token))
        throw new DiscoveryError(`the token file ${tokenFile} holds no token of visible ASCII characters`)
      this.#token = token
      this.#readAgainAtMs = clock.now() + readAgainAfterMs
      return token
    } catch (cause) {
      this.#readAgainAtMs = clock.now() + tryAgainAfterMs
      if (cause instanceof DiscoveryError) throw cause
      const { code = 'unreadable' } = cause as NodeJS.ErrnoException
      throw new DiscoveryError(`the token file ${tokenFile} cannot be read (${code}). Look at the option tokenFile`, {
        cause,
      })
    }
  }
}
