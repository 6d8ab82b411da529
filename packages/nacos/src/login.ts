import type { Clock, Random } from '@lb/core'
import { type RegistryAnswer, type RegistryClient, RegistryError } from '@lb/registry-http'
import { type ApiVersion, lacksApi, otherApi } from './api-version.ts'

export interface LoginOptions {
  readonly client: RegistryClient
  /** Where the API begins, without a slash at the end. */
  readonly contextPath: string
  readonly username: string
  readonly password: string
  readonly clock: Clock
  readonly random: Random
}

interface Token {
  readonly text: string
  /** From then on a new one is asked for; this one may go on to work for a while. */
  readonly renewAtMs: number
  readonly expiresAtMs: number
}

/** How this client names itself. */
export const userAgent = 'lb-nacos'

const paths: Readonly<Record<ApiVersion, string>> = {
  v3: '/v3/auth/user/login',
  v1: '/v1/auth/users/login',
}

/** A token that is refused although it is new is a matter of rights: no reason to log in with every request. */
const againAfterMs = 60_000
/** A token in a header: no spaces, no ends of lines. */
const tokenPattern = /^[\x21-\x7e]{1,16384}$/

/** Keeps a token: logs in when there is none, before it expires, and when it is refused. One login runs at a time. */
export class Login {
  readonly #options: LoginOptions
  #token: Token | undefined
  #version: ApiVersion = 'v3'
  #running: Promise<Token> | undefined
  #refusedAtMs = Number.NEGATIVE_INFINITY
  #rejection: { readonly error: unknown; readonly atMs: number } | undefined

  constructor(options: LoginOptions) {
    this.#options = options
  }

  /** A token to send now. @throws RegistryError */
  async token(): Promise<string> {
    const nowMs = this.#options.clock.now()
    const token = this.#token
    if (token !== undefined && nowMs < token.renewAtMs) return token.text
    try {
      return (await this.#logIn()).text
    } catch (error) {
      // Renewal comes early, so that a failure is no harm yet.
      if (token !== undefined && token === this.#token && nowMs < token.expiresAtMs) return token.text
      throw error
    }
  }

  /** `token` was refused. Whether it is worth trying again with a new one: at most once a minute. */
  refused(token: string): boolean {
    if (token !== this.#token?.text) return true
    const nowMs = this.#options.clock.now()
    if (nowMs - this.#refusedAtMs < againAfterMs) return false
    this.#refusedAtMs = nowMs
    this.#token = undefined
    return true
  }

  #logIn(): Promise<Token> {
    const { clock } = this.#options
    const rejection = this.#rejection
    if (rejection !== undefined && clock.now() - rejection.atMs < againAfterMs) return Promise.reject(rejection.error)
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #ask(): Promise<Token> {
    const { client, contextPath, clock } = this.#options
    let answer = await this.#post(this.#version)
    if (lacksApi(answer)) {
      this.#version = otherApi(this.#version)
      answer = await this.#post(this.#version)
    }
    if (answer.status !== 200) {
      // The body is not shown: what was sent may come back in it.
      const error = client.error(answer, contextPath + paths[this.#version], 'the login failed')
      const isRejected = answer.status === 400 || answer.status === 401 || answer.status === 403
      this.#rejection = isRejected ? { error, atMs: clock.now() } : undefined
      throw error
    }
    this.#rejection = undefined
    this.#token = this.#read(answer)
    return this.#token
  }

  /** In the body: queries end up in the logs of servers and proxies. */
  #post(version: ApiVersion): Promise<RegistryAnswer> {
    const { client, contextPath, username, password } = this.#options
    return client.request({
      method: 'POST',
      path: contextPath + paths[version],
      body: new URLSearchParams({ username, password }),
      headers: { 'user-agent': userAgent },
    })
  }

  #read(answer: RegistryAnswer): Token {
    const { clock, random } = this.#options
    const { accessToken, tokenTtl } = fieldsOf(answer.json())
    if (typeof accessToken !== 'string' || !tokenPattern.test(accessToken)) {
      throw new RegistryError(`the answer of ${answer.server} to the login has no token`, { status: answer.status })
    }
    const ttlMs = typeof tokenTtl === 'number' && tokenTtl > 0 ? tokenTtl * 1_000 : againAfterMs
    const nowMs = clock.now()
    // As Nacos' own client does: between a fifteenth and a tenth of the time to live early.
    const earlyMs = ttlMs / 15 + random() * (ttlMs / 10 - ttlMs / 15)
    return { text: accessToken, renewAtMs: nowMs + ttlMs - earlyMs, expiresAtMs: nowMs + ttlMs }
  }
}

function fieldsOf(value: unknown): { accessToken?: unknown; tokenTtl?: unknown } {
  if (typeof value !== 'object' || value === null) return {}
  // Version 3 of the API may wrap it like everything else.
  const { data }: { data?: unknown } = value
  return typeof data === 'object' && data !== null ? data : value
}
