import type { ErrorJson } from '@lb/core'
import { errorJson } from '@lb/core/authoring'
import { isAxiosError } from 'axios'

/**
 * What an attempt fails with, as events tell it: the error without the request and the response, which hold
 * credentials and bodies.
 */
export class AttemptError extends Error {
  readonly code: string | undefined
  readonly #error: Error

  private constructor(error: Error & { readonly code?: string; readonly cause?: unknown }) {
    super(error.message, error.cause === undefined ? undefined : { cause: AttemptError.wrap(error.cause) })
    this.name = error.name
    this.code = error.code
    this.#error = error
  }

  toJSON(): ErrorJson {
    return errorJson(this)
  }

  static wrap(error: unknown): unknown {
    return isAxiosError(error) ? new AttemptError(error) : error
  }

  /** The error itself, for the caller whose request it was. */
  static unwrap(error: unknown): unknown {
    return error instanceof AttemptError ? error.#error : error
  }
}
