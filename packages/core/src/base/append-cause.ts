const maxDepth = 8

/**
 * Makes `cause` the innermost cause of `error`, so that what `error` says of itself stays as it is. Does nothing to an error that cannot
 * be changed, or is no error.
 */
export function appendCause(error: unknown, cause: Error): void {
  let innermost = error
  for (let depth = 0; depth < maxDepth; depth++) {
    if (!(innermost instanceof Error) || innermost === cause) return
    if (innermost.cause === undefined) {
      // False when it is frozen.
      Reflect.defineProperty(innermost, 'cause', { value: cause, configurable: true, writable: true })
      return
    }
    innermost = innermost.cause
  }
}
