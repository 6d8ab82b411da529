import { randomBytes } from 'node:crypto'
import type { FakeNacosOptions } from './fake-nacos-options.ts'

/** Who may ask: users log in for a token that expires. */
export class FakeNacosAuth {
  readonly #auth: FakeNacosOptions['auth']
  readonly #tokens = new Map<string, number>()
  /** How often somebody logged in, also in vain. */
  logins = 0

  constructor(auth: FakeNacosOptions['auth']) {
    this.#auth = auth
  }

  /** The answer to a login, or `undefined` when name or password are wrong. */
  logIn(username: string | null, password: string | null): object | undefined {
    this.logins++
    const { tokenTtlSeconds = 18_000 } = this.#auth ?? {}
    if (!this.#knows(username, password)) return undefined
    // A JWT in reality.
    const accessToken = `eyJ${randomBytes(24).toString('base64url')}`
    this.#tokens.set(accessToken, performance.now() + tokenTtlSeconds * 1_000)
    return { accessToken, tokenTtl: tokenTtlSeconds, globalAdmin: true, username }
  }

  allows(authorization: string | undefined, parameters: URLSearchParams): boolean {
    if (this.#auth === undefined) return true
    const bearer = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1]
    const token = bearer ?? parameters.get('accessToken')
    if (token === null) return this.#knows(parameters.get('username'), parameters.get('password'))
    return (this.#tokens.get(token) ?? 0) > performance.now()
  }

  /** Every token is refused from now on, whatever its time to live. */
  expireTokens(): void {
    this.#tokens.clear()
  }

  #knows(username: string | null, password: string | null): boolean {
    const auth = this.#auth
    return auth === undefined || (username === auth.username && password === auth.password)
  }
}
