/** What is done with a header field, by its name; a field that is not listed passes. */
type FieldKind =
  | 'hop-by-hop'
  | 'connection'
  | 'transfer-encoding'
  | 'content-length'
  | 'te'
  | 'trailer'
  | 'host'
  | 'via'
  | 'forwarded'
  | 'x-forwarded-for'
  | 'x-forwarded-host'
  | 'x-forwarded-proto'
  | 'load-report'
  | 'location'
  | 'set-cookie'
  | 'date'
  | 'retry-after'

/** Kinds by names, which come from outside in any case: most are told from the listed ones by their length alone. */
class FieldKinds {
  readonly #kinds: ReadonlyMap<string, FieldKind>
  readonly #lengths: ReadonlySet<number>

  constructor(kinds: readonly (readonly [nameInLowerCase: string, FieldKind])[]) {
    this.#kinds = new Map(kinds)
    this.#lengths = new Set(kinds.map(([{ length }]) => length))
  }

  of(name: string): FieldKind | undefined {
    return this.#lengths.has(name.length) ? this.#kinds.get(name.toLowerCase()) : undefined
  }
}

/** RFC 9110 section 7.6.1, with the older ones of RFC 2616. */
const both: readonly (readonly [string, FieldKind])[] = [
  ['keep-alive', 'hop-by-hop'],
  ['proxy-connection', 'hop-by-hop'],
  ['upgrade', 'hop-by-hop'],
  ['connection', 'connection'],
  ['transfer-encoding', 'transfer-encoding'],
  ['content-length', 'content-length'],
]

export const requestFields: FieldKinds = new FieldKinds([
  ...both,
  ['proxy-authorization', 'hop-by-hop'],
  ['http2-settings', 'hop-by-hop'],
  // A CGI program would take it for the variable HTTP_PROXY.
  ['proxy', 'hop-by-hop'],
  // 100 (Continue) was answered by this server.
  ['expect', 'hop-by-hop'],
  // Trailers of requests are not passed on.
  ['trailer', 'hop-by-hop'],
  ['te', 'te'],
  ['host', 'host'],
  ['via', 'via'],
  ['forwarded', 'forwarded'],
  ['x-forwarded-for', 'x-forwarded-for'],
  ['x-forwarded-host', 'x-forwarded-host'],
  ['x-forwarded-proto', 'x-forwarded-proto'],
])

export const responseFields: FieldKinds = new FieldKinds([
  ...both,
  ['proxy-authenticate', 'hop-by-hop'],
  ['trailer', 'trailer'],
  // Of the instance, for the one who balances: this gateway. Its own is that of loadReport().
  ['endpoint-load-metrics', 'load-report'],
  ['location', 'location'],
  ['set-cookie', 'set-cookie'],
  ['date', 'date'],
  ['retry-after', 'retry-after'],
])

/** Names in a `Connection` field, in lower case, that are not about the connection itself. */
export function namedByConnection(value: string): Set<string> | undefined {
  if (/^(?:keep-alive|close|upgrade)?$/i.test(value)) return undefined
  const names = new Set(
    value
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  )
  // These are not for a client to take away: they say where the message ends.
  for (const name of ['', 'keep-alive', 'close', 'upgrade', 'content-length', 'host']) names.delete(name)
  return names.size === 0 ? undefined : names
}

/** Takes the fields of these names, in lower case, out of `flat`. */
export function removeNamed(flat: string[], names: ReadonlySet<string>): void {
  let kept = 0
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string
    if (names.has(name.toLowerCase())) continue
    flat[kept] = name
    flat[kept + 1] = flat[index + 1] as string
    kept += 2
  }
  flat.length = kept
}
