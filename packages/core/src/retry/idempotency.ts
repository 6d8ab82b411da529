const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Whether executing a request with this HTTP method twice has the effect of once (RFC 9110 section 9.2.2). */
export function isIdempotentMethod(method: string): boolean {
  return idempotentMethods.has(method) || idempotentMethods.has(method.toUpperCase())
}
