import { ApiError } from './api-error.ts'

/** The longest body of a request, in bytes. */
export const maxBodyBytes = 16_384

/** How long a body may take, in milliseconds. */
export const bodyTimeoutMs = 10_000

/** More than `maxBodyBytes` came. The rest is not read, so the connection cannot be used again. */
export function bodyTooLarge(): ApiError {
  return new ApiError('TOO_LARGE', `A body has at most ${maxBodyBytes} bytes`, { headers: { connection: 'close' } })
}

/** The body did not end within `bodyTimeoutMs`. */
export function bodyTooLate(): ApiError {
  return new ApiError('BAD_REQUEST', 'The body did not arrive in time')
}

/** The connection ended before the body did. */
export function bodyBrokeOff(): ApiError {
  return new ApiError('BAD_REQUEST', 'The body broke off')
}
