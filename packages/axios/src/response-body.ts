import { finished } from 'node:stream/promises'

/** A response body that is handed out as a stream. */
export interface ReadableLike extends NodeJS.ReadableStream {
  readonly errored: Error | null
  destroy(): void
}

export function isReadable(data: unknown): data is ReadableLike {
  return typeof data === 'object' && data !== null && 'pipe' in data && 'destroy' in data
}

/** Resolves when the body was read or given up by the reader; rejects when it broke off. */
export async function endOf(body: ReadableLike): Promise<void> {
  try {
    await finished(body)
  } catch (error) {
    if (body.errored) throw error
  }
}
