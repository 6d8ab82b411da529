/** What the API server says of a failure: a `Status` object. */
export interface ApiStatus {
  /** As of HTTP; 0 when it does not say. */
  readonly code: number
  /** One word, such as `Expired`; may be empty. */
  readonly reason: string
  /** For people; one line of at most 300 characters. */
  readonly message: string
  /** Reasons within the reason. */
  readonly causes: readonly string[]
}

/** Reads a `Status`. Nothing of it is required: what is not understood is an empty one. */
export function parseApiStatus(value: unknown): ApiStatus {
  const status = fields(value)
  const { causes } = fields(status.details)
  return {
    code: typeof status.code === 'number' ? status.code : 0,
    reason: line(status.reason),
    message: line(status.message),
    causes: Array.isArray(causes) ? causes.slice(0, 10).map((cause) => line(fields(cause).reason)) : [],
  }
}

/** Reads the body of an answer that is an error. */
export function apiStatusOf(body: string): ApiStatus {
  try {
    return parseApiStatus(JSON.parse(body))
  } catch {
    return parseApiStatus(undefined)
  }
}

/** The server no longer knows the changes since that version, or knows nothing of it yet: a list has to be asked for again. */
export function isVersionUnusable({ code, reason, causes }: ApiStatus): boolean {
  if (code === 410 || reason === 'Expired' || reason === 'Gone') return true
  return causes.includes('ResourceVersionTooLarge')
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function line(value: unknown): string {
  if (typeof value !== 'string') return ''
  return value
    .slice(0, 300)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
}
