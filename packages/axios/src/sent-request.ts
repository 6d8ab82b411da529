import type { AxiosResponse } from 'axios'
import type { PlainRequest } from './undici-request.ts'

/** `response.request` of a request that undici sent: what callers read of a `ClientRequest`, and nothing to send with. */
export class SentRequest {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly protocol = 'http:'
  /** The answer, once its header is there. */
  res: { readonly statusCode: number; readonly statusMessage: string; readonly responseUrl: string } | undefined
  destroyed = false
  readonly #headers: PlainRequest['headers']
  readonly #authority: string

  constructor({ method, path, host, headers }: PlainRequest) {
    this.method = method
    this.path = path
    this.host = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
    this.#authority = host
    this.#headers = headers
  }

  getHeader(name: string): string | string[] | undefined {
    const wanted = name.toLowerCase()
    for (let i = 0; i < this.#headers.length; i += 2) {
      if (String(this.#headers[i]).toLowerCase() === wanted) return this.#headers[i + 1]
    }
    return wanted === 'host' ? this.#authority : undefined
  }

  /** The header has arrived. */
  answered({ status, statusText }: AxiosResponse): void {
    const responseUrl = `http://${this.#authority}${this.path}`
    this.res = { statusCode: status, statusMessage: statusText, responseUrl }
  }
}
