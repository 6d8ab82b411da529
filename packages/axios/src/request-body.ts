/** Whether `data` is a stream, which can be sent only once. */
export function isStream(data: unknown): data is { pipe: unknown } {
  if (typeof data !== 'object' || data === null) return false
  return ('pipe' in data && typeof data.pipe === 'function') || data instanceof ReadableStream
}

/** Whether `data` can be sent again, as far as it was sent before. */
export function isReplayable(data: unknown): boolean {
  if (!isStream(data)) return true
  const { readableDidRead, destroyed } = data as { readableDidRead?: boolean; destroyed?: boolean }
  return readableDidRead === false && destroyed === false
}
