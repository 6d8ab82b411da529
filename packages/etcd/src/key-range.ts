/** Keys of etcd as its gateway takes them: base64 of their bytes. */
export interface KeyRange {
  readonly key: string
  /** The first key that is not part of it. Absent: `key` alone. */
  readonly rangeEnd?: string
}

/** Everything under `path`, which ends in a slash: `orders/` has `orders/1`, but not `orders2/1`. */
export function keysUnder(path: string): KeyRange {
  if (!path.endsWith('/')) throw new TypeError(`${path} does not end in a slash`)
  // The byte after the slash. All keys that begin with the path come before.
  return { key: toBase64(path), rangeEnd: toBase64(`${path.slice(0, -1)}0`) }
}

export function singleKey(key: string): KeyRange {
  return { key: toBase64(key) }
}

export function toBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

/** What is not UTF-8 becomes U+FFFD. */
export function fromBase64(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}
