import type { Invocation } from './command-definition.ts'
import { CommandError, usageError } from './command-error.ts'
import { exitCodes } from './exit-code.ts'
import { isJsonObject, type JsonObject, objectIn, textIn, textsIn } from './json-fields.ts'
import { printable } from './printable.ts'

/** Longer responses are not read: no page of the API comes near it. */
const maxBytes = 32 * 1_024 * 1_024

interface ApiRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The JSON API of a dashboard, version 1. */
export class DashboardClient {
  readonly #mount: string
  readonly #token: string | undefined
  readonly #timeoutMs: number
  readonly #signal: AbortSignal

  /** Reads `--url`, `--token` and `--timeout`, and the variable LB_TOKEN. */
  constructor({ options, context, secrets }: Invocation) {
    this.#mount = mountOf(options.text('url'))
    this.#token = tokenFrom(options.text('token'), context.env.LB_TOKEN)
    secrets.add(this.#token)
    this.#timeoutMs = options.durationMs('timeout') ?? 5_000
    this.#signal = context.signal
  }

  /** Reads `path`, such as `services?limit=100`. */
  get(path: string): Promise<JsonObject> {
    return this.#exchange(path, {})
  }

  /** Changes something: `path` is such as `services/users/drain`. */
  post(path: string, body: JsonObject): Promise<JsonObject> {
    // The second header: a page of another origin cannot send it.
    const headers = { 'content-type': 'application/json', 'x-lb-dashboard': 'lb' }
    return this.#exchange(path, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  async #exchange(path: string, { headers, ...init }: ApiRequest): Promise<JsonObject> {
    const url = `${this.#mount}/api/v1/${path}`
    const limit = AbortSignal.timeout(this.#timeoutMs)
    try {
      const response = await fetch(url, {
        ...init,
        headers: { ...headers, accept: 'application/json', ...this.#authorization },
        // The token is for this server only.
        redirect: 'manual',
        signal: AbortSignal.any([limit, this.#signal]),
      })
      return this.#read(response, await bodyOf(response), init.method === 'POST')
    } catch (error) {
      if (limit.aborted) {
        const remedy = 'Check the address, or give a longer --timeout'
        throw new CommandError(`${this.#mount} did not respond within ${this.#timeoutMs} ms. ${remedy}`)
      }
      if (error instanceof TypeError && error.cause !== undefined) {
        throw new CommandError(`${this.#mount} cannot be reached`, exitCodes.failed, { cause: error.cause })
      }
      throw error
    }
  }

  get #authorization(): Readonly<Record<string, string>> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
  }

  #read({ status, headers }: Response, text: string, isChange: boolean): JsonObject {
    const value = parsed(text)
    if (status === 200 && value !== undefined) return value
    if (value !== undefined && isJsonObject(value.error)) throw refusal(status, value, this.#token !== undefined)
    const got = `status ${status}, ${printable(headers.get('content-type') ?? 'no content type', 60)}`
    const remedy = 'Give the path under which it is mounted, such as --url http://gateway/lb'
    // A route for GET alone shows the dashboard, and hides that it can be steered.
    const ofRoute = isChange ? ', and let its route accept POST' : ''
    throw new CommandError(`there is no dashboard at ${this.#mount} (${got}). ${remedy}${ofRoute}`)
  }
}

function mountOf(given: string | undefined): string {
  const remedy = 'Give the path under which the dashboard is mounted, such as --url http://gateway/lb'
  if (given === undefined) throw new CommandError(`--url is missing. ${remedy}`, exitCodes.usage)
  const url = /^https?:\/\//i.test(given) && URL.canParse(given) ? new URL(given) : undefined
  if (url === undefined) throw usageError('--url', 'an http: or https: URL', given, remedy)
  if (url.username !== '' || url.password !== '') {
    throw new CommandError(
      '--url must have no user and no password. Put the token into the variable LB_TOKEN',
      exitCodes.usage,
    )
  }
  if (url.search !== '' || url.hash !== '') throw usageError('--url', 'without a query and a fragment', given, remedy)
  return url.href.replace(/\/+$/, '')
}

function tokenFrom(option: string | undefined, variable: string | undefined): string | undefined {
  const token = option ?? (variable === undefined || variable.trim() === '' ? undefined : variable.trim())
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token
  const where = option === undefined ? 'the variable LB_TOKEN' : '--token'
  throw new CommandError(`${where} must be visible ASCII characters without spaces. Trim it`, exitCodes.usage)
}

async function bodyOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  if (response.body === null) return text
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new CommandError(`the response is longer than ${maxBytes} bytes. Check --url`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const tokenHint = 'Set the variable LB_TOKEN, or give --token'

function refusal(status: number, body: JsonObject, hasToken: boolean): CommandError {
  const error = objectIn(body, 'error')
  const code = textIn(error, 'code')
  const known = textsIn(error, 'known').map((name) => printable(name, 60))
  const message = printable(textIn(error, 'message') || `status ${status}`, 500)
  const parts = [message]
  if (known.length > 0 && !message.includes(known[0] ?? '')) parts.push(`Known are ${known.join(', ')}`)
  if (status === 401 && hasToken) parts.push('Check the token')
  if (status === 403 && hasToken && code === 'FORBIDDEN') {
    parts.push('Check the token, and what authorize of the dashboard allows')
  }
  // No token makes a dashboard writable that only reads.
  if ((status === 401 || status === 403) && !hasToken && code !== 'READ_ONLY') parts.push(tokenHint)
  const sentences = parts.map((part, index) => (index < parts.length - 1 && !/[.?!]$/.test(part) ? `${part}.` : part))
  return new CommandError(sentences.join(' '), status === 404 ? exitCodes.nothingFound : exitCodes.failed)
}
