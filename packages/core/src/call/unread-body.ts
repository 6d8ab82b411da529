import { fieldsOf } from '../base/fields.ts'
/**
 * Frees the body that a value, or an error, holds and that is not read any more: it would keep its connection. Knows bodies of fetch,
 * and Node's streams as `body` (node-fetch, undici), as `data` (axios), or as the value itself (got), and all of them in an error's
 * `response`. Never throws.
 */
export function freeUnreadBody(holder: unknown): void {
  const response = fieldOf(holder, 'response')
  for (const each of [holder, response]) {
    free(each)
    free(fieldOf(each, 'body'))
    free(fieldOf(each, 'data'))
  }
}

/** Frees what `value`, which is given up, holds: by the application's `discard`, or as `freeUnreadBody` does. Never throws. */
export function discardValue<T>(
  value: T,
  discard: ((value: T) => unknown) | undefined,
  failed: (error: unknown) => void,
): void {
  try {
    if (discard === undefined) freeUnreadBody(value)
    else Promise.resolve(discard(value)).catch(failed)
  } catch (error) {
    failed(error)
  }
}

interface Freeable {
  readonly getReader?: unknown
  readonly cancel?: () => unknown
  readonly dump?: () => unknown
  readonly pipe?: unknown
  readonly on?: (event: 'error', listener: () => void) => unknown
  readonly destroy?: () => unknown
  readonly destroyed?: unknown
  readonly readableEnded?: unknown
}

function free(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  try {
    freeStream(value)
  } catch {
    // What cannot be freed is left to the garbage collector: the value is not wanted any more.
  }
}

function freeStream(stream: Freeable): void {
  if (typeof stream.getReader === 'function' && typeof stream.cancel === 'function') ignored(stream.cancel())
  // undici's, which reports an error when it is destroyed.
  else if (typeof stream.dump === 'function') ignored(stream.dump())
  else if (typeof stream.pipe === 'function' && typeof stream.destroy === 'function') {
    if (stream.destroyed === true || stream.readableEnded === true) return
    stream.on?.('error', () => {})
    stream.destroy()
  }
}

/** Whatever becomes of `result`, it ends no process. */
function ignored(result: unknown): void {
  Promise.resolve(result).catch(() => {})
}

function fieldOf(holder: unknown, name: 'body' | 'data' | 'response'): unknown {
  try {
    return fieldsOf(holder)[name]
  } catch {
    return undefined
  }
}
