import { type ApiErrorCode, apiErrors, type ErrorResponse } from '../api.ts'

/** Further fields of an error. */
export interface ApiErrorOptions {
  readonly field?: string | undefined
  readonly known?: readonly string[] | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** How many names an error lists at most. */
const maxKnown = 20

/** A request that is refused, with what its client is to know. */
export class ApiError extends Error {
  readonly code: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly #options: ApiErrorOptions

  constructor(code: ApiErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.status = apiErrors[code]
    this.headers = options.headers ?? {}
    this.#options = options
  }

  toJSON(): ErrorResponse {
    const { field, known } = this.#options
    return {
      error: {
        code: this.code,
        message: this.message,
        ...(field === undefined ? undefined : { field }),
        ...(known === undefined ? undefined : { known: known.slice(0, maxKnown) }),
      },
    }
  }
}
