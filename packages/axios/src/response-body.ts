import { finished } from 'node:stream/promises'
import { type InternalAxiosRequestConfig, isAxiosError } from 'axios'

/** A response body that is handed out as a stream: Node's, or the web's from the fetch adapter. */
export type ResponseBody =
  | (NodeJS.ReadableStream & { destroy(): void; readonly errored?: Error | null })
  | ReadableStream

export function isBody(data: unknown): data is ResponseBody {
  if (typeof data !== 'object' || data === null) return false
  return data instanceof ReadableStream || ('pipe' in data && 'destroy' in data)
}

/** Resolves when the body was read or given up by the reader; rejects when it broke off. */
export async function endOf(body: ResponseBody): Promise<void> {
  try {
    await finished(body)
  } catch (error) {
    // An error of axios itself is a limit or a cancellation of the caller's.
    if (isAxiosError(error) || (!(body instanceof ReadableStream) && !body.errored)) return
    throw error
  }
}

/** Makes errors that axios itself raises while the body is read be about the request as the caller wrote it. */
export function aboutRequest(body: unknown, config: InternalAxiosRequestConfig): void {
  if (!isBody(body) || body instanceof ReadableStream) return
  body.once('error', (error) => {
    if (isAxiosError(error)) error.config = config
  })
}

/** Frees the connection of a body that nobody will read. */
export function giveUp(body: unknown): void {
  if (!isBody(body)) return
  if (body instanceof ReadableStream) body.cancel().catch(() => {})
  else body.destroy()
}
