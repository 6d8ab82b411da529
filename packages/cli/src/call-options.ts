import type { Invocation } from './command-definition.ts'
import { CommandError, usageError } from './command-error.ts'
import { exitCodes } from './exit-code.ts'

/** What `lb call` does, and how often. */
export interface CallOptions {
  readonly requests: number
  readonly concurrency: number
  readonly maxFailures: number
  readonly timeoutMs: number
  readonly path: string
  readonly method: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string | undefined
}

/** Names of headers whose values are masked in all output. */
const secretHeaders = /auth|cookie|token|key|secret|passw|credential/i

/** Reads the options of `lb call`. */
export function callOptions({ options, secrets }: Invocation, path = '/'): CallOptions {
  const requests = options.integer('requests', 1, 10_000_000) ?? 1
  const body = options.texts('data').at(-1)
  const headers = options.texts('header').map(headerOf)
  for (const [name, value] of headers) if (secretHeaders.test(name)) secrets.add(value)
  return {
    requests,
    concurrency: Math.min(options.integer('concurrency', 1, 10_000) ?? 1, requests),
    maxFailures: options.integer('max-failures', 0, 10_000_000) ?? 0,
    timeoutMs: options.durationMs('timeout') ?? 10_000,
    path: pathOf(path),
    method: methodOf(options.text('method'), body),
    headers,
    body,
  }
}

function pathOf(path: string): string {
  if (/^[a-z][a-z\d+.-]*:/i.test(path)) {
    throw usageError(
      '[path]',
      'a path such as /v1/profile',
      path.replace(/\/\/[^/]*@/, '//***@'),
      'The service is an argument of its own',
    )
  }
  if (!/^[\x21-\x7e]*$/.test(path))
    throw usageError('[path]', 'visible ASCII characters, the others percent-encoded', path)
  return path.startsWith('/') ? path : `/${path}`
}

function methodOf(given: string | undefined, body: string | undefined): string {
  const method = given ?? (body === undefined ? 'GET' : 'POST')
  if (!/^[a-z-]{1,32}$/i.test(method)) throw usageError('--method', 'a method such as GET or POST', method)
  const upper = method.toUpperCase()
  if (body !== undefined && (upper === 'GET' || upper === 'HEAD')) {
    throw new CommandError(`--data and --method ${upper} exclude each other. Leave one of them out`, exitCodes.usage)
  }
  return upper
}

function headerOf(header: string): readonly [name: string, value: string] {
  const [, name = '', value = ''] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(header) ?? []
  if (name === '') {
    // Not shown: it may be a secret.
    throw new CommandError('--header must be a name and a value, such as "accept: text/plain"', exitCodes.usage)
  }
  return [name, value]
}
