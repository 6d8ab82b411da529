import type { DiscoveryError } from '@lb/core'
import { systemClock, systemRandom } from '@lb/core/authoring'
import { type RegistryAnswer, RegistryClient, type RegistryRequest } from '@lb/registry-http'
import { type ApiVersion, lacksApi, otherApi } from './api-version.ts'
import { Login, userAgent } from './login.ts'
import type { NacosOptions } from './options.ts'

/** A request in both versions of the API; paths begin after the context path. */
export interface VersionedRequest extends Pick<RegistryRequest, 'signal' | 'background' | 'idempotent'> {
  readonly v3: ApiRequest
  readonly v1: ApiRequest
}

type ApiRequest = Pick<RegistryRequest, 'method' | 'path' | 'query' | 'body' | 'headers'>

export interface ApiAnswer {
  /** In which version of the API it is. */
  readonly version: ApiVersion
  readonly answer: RegistryAnswer
}

/** For 200 services and more that are asked for at the same time: they wait for one another instead of opening a connection each. */
const maxConnections = 16

/** Asks Nacos in the version of the API that the server has, with a token where one is needed. */
export class NacosClient {
  readonly #client: RegistryClient
  readonly #contextPath: string
  readonly #login: Login | undefined
  /** What the server that answered last has: the one that is asked first. */
  #version: ApiVersion = 'v3'

  /** `options` were checked before. @throws InvalidOptionError for servers and TLS */
  constructor(owner: string, options: NacosOptions) {
    const { servers = ['http://127.0.0.1:8848'], contextPath = '/nacos', username, password } = options
    const { clock = systemClock, random = systemRandom, tls, timeoutMs } = options
    this.#client = new RegistryClient({
      owner,
      servers,
      maxConnections,
      clock,
      random,
      ...(tls !== undefined && { tls }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    })
    this.#contextPath = contextPath === '/' ? '' : contextPath
    if (username !== undefined && password !== undefined) {
      const [client, path] = [this.#client, this.#contextPath]
      this.#login = new Login({ client, contextPath: path, username, password, clock, random })
    }
  }

  /** An answer with status 200. @throws RegistryError for any other */
  async ask(request: VersionedRequest): Promise<ApiAnswer> {
    const first = await this.#inEither(request)
    if (!isRefusal(first.answer) || this.#login === undefined) return this.#accepted(request, first)
    if (!this.#login.refused(first.token ?? '')) return this.#accepted(request, first)
    return this.#accepted(request, await this.#inEither(request))
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  /** For an answer of status 200 that makes no sense all the same. */
  error({ answer, version }: ApiAnswer, request: VersionedRequest, reason: string): DiscoveryError {
    return this.#client.error(answer, this.#contextPath + request[version].path, reason)
  }

  #accepted(request: VersionedRequest, given: ApiAnswer): ApiAnswer {
    const { answer } = given
    if (answer.status === 200) return given
    if (!lacksApi(answer)) throw this.error(given, request, reasonIn(answer))
    const advice = `it has neither version 3 nor version 1 of the API under ${this.#contextPath || '/'}: is the contextPath right?`
    throw this.error(given, request, advice)
  }

  /** Asks in the version that the server is known to have, and when it does not have that one (any more), once more in the other. */
  async #inEither(request: VersionedRequest): Promise<ApiAnswer & { token: string | undefined }> {
    const token = await this.#login?.token()
    const version = this.#version
    const answer = await this.#send(request, version, token)
    if (!lacksApi(answer)) return this.#found(answer, version, token)
    const other = otherApi(version)
    const second = await this.#send(request, other, token)
    if (!lacksApi(second)) return this.#found(second, other, token)
    return { version, answer, token }
  }

  #found(
    answer: RegistryAnswer,
    version: ApiVersion,
    token: string | undefined,
  ): ApiAnswer & { token: string | undefined } {
    // A failure of a gateway, say, says nothing of what is behind it.
    if (answer.status < 500) this.#version = version
    return { version, answer, token }
  }

  #send(request: VersionedRequest, version: ApiVersion, token: string | undefined): Promise<RegistryAnswer> {
    const { v1, v3, signal, background, idempotent } = request
    const { method, path, query, body, headers } = version === 'v3' ? v3 : v1
    return this.#client.request({
      method,
      path: this.#contextPath + path,
      headers: {
        'user-agent': userAgent,
        ...headers,
        // Understood by every version; the header `accessToken` only by 3.x.
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(query !== undefined && { query }),
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
      ...(background !== undefined && { background }),
      ...(idempotent !== undefined && { idempotent }),
    })
  }
}

/** 403 of every version; 3.x has 401 for a token that is not valid. */
function isRefusal({ status }: RegistryAnswer): boolean {
  return status === 401 || status === 403
}

/** What an answer says of itself: the `message` of versions 2 and 3, the plain text of version 1. The page of a container says nothing. */
function reasonIn({ text }: RegistryAnswer): string {
  if (/^\s*</.test(text)) return ''
  try {
    const { message, code }: { message?: unknown; code?: unknown } = JSON.parse(text)
    if (typeof message === 'string') return typeof code === 'number' ? `code ${code}, ${message}` : message
  } catch {
    // Plain text.
  }
  return text
}
