import { isUnreadable } from '@lb/undici/authoring'

/** `error` of undici's, before a response, as `node:http` would have put it: callers know errors by these codes. */
export function asNodeError(error: Error & { readonly code?: unknown }): Error {
  const { code } = error
  if (isUnreadable(error))
    return nodeError('undici cannot read a 100 Continue that it did not ask for', String(code), error)
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    return Object.assign(nodeError('connect ETIMEDOUT', 'ETIMEDOUT', error), { syscall: 'connect' })
  }
  if (code === 'UND_ERR_SOCKET') return nodeError('socket hang up', 'ECONNRESET', error)
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return nodeError('Parse Error: Header overflow', 'HPE_HEADER_OVERFLOW', error)
  if (error.name !== 'HTTPParserError') return error
  const reason = /\((.*)\)$/.exec(error.message)?.[1] ?? error.message
  return nodeError(`Parse Error: ${reason}`, parseCode(code, reason), error)
}

/** The instance sends nothing else. */
export function tooManyInterimResponses(): Error {
  return Object.assign(new Error('too many interim responses'), { code: 'ECONNRESET' })
}

/** The instance switches to another protocol, and nothing else comes. */
export function unexpectedUpgrade(): Error {
  return Object.assign(new Error('unexpected 101 Switching Protocols'), { code: 'ECONNRESET' })
}

/** What axios says of a response whose body broke off; `undefined` when the connection itself failed. */
export function endOfBody({ code }: Error & { readonly code?: unknown }): string | undefined {
  return typeof code === 'string' && code.startsWith('UND_ERR') ? 'stream has been aborted' : undefined
}

/** undici does not always give the parser's code, but what it stands for. */
function parseCode(code: unknown, reason: string): string {
  if (typeof code === 'string') return code
  if (/header/i.test(reason)) return 'HPE_INVALID_HEADER_TOKEN'
  return /chunk/i.test(reason) ? 'HPE_INVALID_CHUNK_SIZE' : 'HPE_INVALID_CONSTANT'
}

function nodeError(message: string, code: string, cause: Error): Error {
  return Object.assign(new Error(message, { cause }), { code })
}
