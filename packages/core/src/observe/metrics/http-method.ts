const known: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
])

/** `method` as the attribute `http.request.method`: one that no standard defines is `_OTHER`. Source: OpenTelemetry's HTTP conventions. */
export function knownMethod(method: string): string {
  const upper = method.toUpperCase()
  return known.has(upper) ? upper : '_OTHER'
}
