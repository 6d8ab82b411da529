/** What is done with a header, by its name; one that is not listed passes. */
export type HeaderKind =
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
  | 'x-forwarded-port'
  | 'x-forwarded-prefix'
  | 'upgrade'
  | 'load-report'
  | 'location'
  | 'set-cookie'
  | 'date'
  | 'retry-after'

/** RFC 9110 section 7.6.1, with the older ones of RFC 2616. */
export const bothKinds: readonly [string, HeaderKind][] = [
  ['keep-alive', 'hop-by-hop'],
  ['proxy-connection', 'hop-by-hop'],
  ['upgrade', 'hop-by-hop'],
  ['connection', 'connection'],
  ['transfer-encoding', 'transfer-encoding'],
  ['content-length', 'content-length'],
]

/** What `Connection` says of the connection itself, and of no other header. Most say `keep-alive`, which is compared before: this takes 0.1 µs. */
export const ordinaryConnection: RegExp = /^(?:keep-alive|close|upgrade)?$/i

/** Names in a `Connection` header, in lower case, that are not about the connection itself. */
export function namedByConnection(value: string): Set<string> {
  const names = new Set(
    value
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  )
  // These are not for a client to take away: they say where the message ends.
  for (const name of ['', 'keep-alive', 'close', 'upgrade', 'content-length', 'host']) names.delete(name)
  return names
}

/** Puts the header `name`, in lower case, before the others, and takes out what has its name. */
export function setFirst(flat: string[], name: string, value: string): void {
  removeNamed(flat, new Set([name]))
  flat.unshift(name, value)
}

/** Puts the header `name`, in lower case, before the others, in place of all that a server might take for it: with an underscore for a dash. */
export function setField(flat: string[], name: string, value: string): void {
  const spelling = (each: string): string => each.toLowerCase().replaceAll('_', '-')
  const names = flat.filter((each, index) => index % 2 === 0 && spelling(each) === spelling(name))
  removeNamed(flat, new Set(names.map((each) => each.toLowerCase())))
  flat.unshift(name, value)
}

/** Takes the headers of these names, in lower case, out of `flat`: name, value, name, value … */
export function removeNamed(flat: string[], names: ReadonlySet<string>): void {
  if (names.size === 0) return
  let kept = 0
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] ?? ''
    if (names.has(name.toLowerCase())) continue
    flat[kept] = name
    flat[kept + 1] = flat[index + 1] ?? ''
    kept += 2
  }
  flat.length = kept
}

/**
 * A header as it is sent.
 *
 * @throws TypeError when a character would end the header, or is none of a header
 */
export function headerLine(name: string, value: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw new TypeError('a header has characters that cannot be sent')
  }
  return `${name}: ${value}\r\n`
}

/** Headers as hooks see and change them: in order, names in any case, repeated ones kept apart. */
export class HeaderList {
  readonly #flat: string[]

  /** @param flat name, value, name, value …; changed in place */
  constructor(flat: string[]) {
    this.#flat = flat
  }

  /** The values under `name`, joined by a comma; `undefined` when there is none. */
  get(name: string): string | undefined {
    const values = this.getAll(name)
    return values.length === 0 ? undefined : values.join(', ')
  }

  /** The values under `name`, one by one. */
  getAll(name: string): string[] {
    const wanted = name.toLowerCase()
    return Array.from(this).flatMap(([each, value]) => (each.toLowerCase() === wanted ? [value] : []))
  }

  /** Whether there is a value under `name`. */
  has(name: string): boolean {
    return this.getAll(name).length > 0
  }

  /** Replaces every value under `name`. */
  set(name: string, value: string): this {
    return this.delete(name).append(name, value)
  }

  /** Adds a value under `name`. */
  append(name: string, value: string): this {
    this.#flat.push(name, value)
    return this
  }

  /** Removes every value under `name`. */
  delete(name: string): this {
    removeNamed(this.#flat, new Set([name.toLowerCase()]))
    return this
  }

  /** Names and values, in order. */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (let index = 0; index < this.#flat.length; index += 2) {
      yield [this.#flat[index] as string, this.#flat[index + 1] ?? '']
    }
  }
}
