/** Whether a response with this status has no body, whatever its header says (RFC 9110 section 6.4.1). */
export function isBodiless(statusCode: number): boolean {
  return statusCode === 204 || statusCode === 304
}

/** Whether undici only misses a body that there cannot be: a 304 may have the length of the response that it stands for (section 8.6). */
export function missesNoBody(statusCode: number, error: Error & { readonly code?: unknown }): boolean {
  return isBodiless(statusCode) && error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
}
