import type { TextRecord } from './message.ts'

/**
 * The attributes in the TXT records of an instance (RFC 6763 section 6.4): keys in lower case, as their case has no meaning; of a
 * key that is there twice, the first counts. One without a value has `""`. What has no key is passed over.
 */
export function txtAttributes(records: readonly TextRecord[]): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  // Servers may send records in any order; the result is the same.
  const strings = records.map((record) => record.strings.map((each) => each.toString('utf8')))
  for (const text of strings.sort(byContent).flat()) {
    const end = text.includes('=') ? text.indexOf('=') : text.length
    const key = text.slice(0, end).toLowerCase()
    if (key !== '' && !attributes.has(key)) attributes.set(key, text.slice(end + 1))
  }
  return attributes
}

function byContent(left: readonly string[], right: readonly string[]): number {
  return left.join('\0') < right.join('\0') ? -1 : 1
}
