import { RegistryError } from './registry-error.ts'

/** One server did not answer a request, or not usefully: another one may. */
export class ServerFailure extends Error {
  /** Whether the server may have carried the request out. */
  readonly wasSent: boolean
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined

  constructor(
    reason: string,
    options: { wasSent: boolean; cause?: unknown; status?: number; retryAfterMs?: number | undefined },
  ) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause })
    this.wasSent = options.wasSent
    this.status = options.status
    this.retryAfterMs = options.retryAfterMs
  }

  static of(cause: unknown, wasSent: boolean): ServerFailure {
    return new ServerFailure(reasonOf(cause), { wasSent, cause: harmlessCause(cause) })
  }
}

/** The error for a request that no server answered: says what each of them did. */
export function unanswered(
  owner: string,
  { method, path }: { method: string; path: string },
  failures: readonly { readonly server: string; readonly failure: ServerFailure }[],
): RegistryError {
  const what = failures.map(({ server, failure }) => `${server}: ${failure.message}`).join('; ')
  const last = failures.findLast(({ failure }) => failure.status !== undefined)?.failure
  const causes = failures.map(({ failure }) => failure.cause).filter((cause) => cause !== undefined)
  return new RegistryError(`${owner}: no answer to ${method} ${path} (${what})`, {
    ...(causes.length > 0 && { cause: causes.length === 1 ? causes[0] : new AggregateError(causes, what) }),
    ...(last?.status !== undefined && { status: last.status }),
    ...(last?.retryAfterMs !== undefined && { retryAfterMs: last.retryAfterMs }),
  })
}

/** In a few words. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return cause.errors.map(reasonOf).join(', ')
  if (isBadHttp(cause)) return 'an answer that is not HTTP'
  if (!(cause instanceof Error)) return 'an unknown failure'
  return printable(cause.message === '' ? cause.name : cause.message)
}

/** What a registry says goes into one line of a log, and not at any length. */
export function printable(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}

/** The error of the parser carries a part of the answer, which may be secret. */
export function harmlessCause(cause: unknown): unknown {
  return isBadHttp(cause) ? undefined : cause
}

function isBadHttp(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'HTTPParserError'
}
