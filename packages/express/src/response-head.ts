import { type ServerResponse, STATUS_CODES } from 'node:http'

/** Characters of a reason phrase that are passed on. */
const reasonLimit = 256

/**
 * Writes the header of an answer: what a middleware said stays, unless the instance says otherwise.
 *
 * @param headers name, value, name, value …
 * @throws when Node does not take a name or value; nothing of the answer is left on `response` then
 */
export function writeHead(
  response: ServerResponse,
  statusCode: number,
  statusText: string,
  headers: readonly string[],
): void {
  // A reason that cannot be written, or is long, is left out: it means nothing.
  const isUsual = statusText === STATUS_CODES[statusCode]
  const isWritable = statusText.length <= reasonLimit && /^[\t\x20-\x7e\x80-\xff]*$/.test(statusText)
  const reason = isUsual || isWritable ? statusText : ''
  // A middleware that wraps `writeHead` may not know headers in this form.
  if (!hasHeaders(response) && !Object.hasOwn(response, 'writeHead')) {
    response.writeHead(statusCode, reason, headers as string[])
    return
  }
  try {
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index] as string
      if (response.hasHeader(name)) response.removeHeader(name)
    }
    for (let index = 0; index < headers.length; index += 2) {
      response.appendHeader(headers[index] as string, headers[index + 1] as string)
    }
    response.writeHead(statusCode, reason)
  } catch (error) {
    for (let index = 0; index < headers.length; index += 2) response.removeHeader(headers[index] as string)
    throw error
  }
}

/** Whether a middleware, or Express itself, set a field: its own is asked for first, as the list of all names is dear. */
function hasHeaders(response: ServerResponse): boolean {
  return response.hasHeader('x-powered-by') || response.getHeaderNames().length > 0
}
