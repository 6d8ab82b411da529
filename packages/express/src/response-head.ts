import { type ServerResponse, STATUS_CODES } from 'node:http'

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
  // A reason that cannot be written is left out: it means nothing.
  const isUsual = statusText === STATUS_CODES[statusCode]
  const reason = isUsual || /^[\t\x20-\x7e\x80-\xff]*$/.test(statusText) ? statusText : ''
  // A middleware that wraps `writeHead` may not know headers in this form.
  if (!hasHeaders(response) && !Object.hasOwn(response, 'writeHead')) {
    response.writeHead(statusCode, reason, headers as string[])
    return
  }
  try {
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index] as string
      if (isRepeated(headers, index)) response.appendHeader(name, headers[index + 1] as string)
      else response.setHeader(name, headers[index + 1] as string)
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

/** Whether the field at `index` occurred before. */
function isRepeated(headers: readonly string[], index: number): boolean {
  const name = headers[index] as string
  for (let earlier = 0; earlier < index; earlier += 2) {
    const other = headers[earlier] as string
    if (other.length === name.length && (other === name || other.toLowerCase() === name.toLowerCase())) return true
  }
  return false
}
