import { decodePunycode } from './punycode.ts'

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const ipv4 = new RegExp(`^(?:${octet}\\.){3}${octet}$`)

/**
 * Why `host` cannot be the host of an instance, or `undefined` when it can: a DNS name, an IPv4 address or an
 * IPv6 address without brackets. Hosts come from registries and go into URLs, so whatever a URL parser would
 * read differently (`0x7f.1`, `a@b`, `a/b`) is refused.
 */
export function hostProblem(host: string): string | undefined {
  if (ipv4.test(host)) return undefined
  if (host === '') return 'is empty'
  if (host.length > 253) return 'is longer than 253 characters'
  if (host.includes(':')) return isIPv6(host) ? undefined : 'is not an IPv6 address'
  const labels = host.split('.')
  // A URL parser takes a host whose last label is a number for an IPv4 address, in any base.
  if (/^(?:\d+|0x[\da-f]*)$/i.test(labels.at(-1) as string)) return 'is not an IPv4 address in dotted decimal'
  for (const label of labels) {
    if (label === '') return 'has an empty label'
    if (label.length > 63) return 'has a label longer than 63 characters'
    if (!/^[a-z\d_](?:[a-z\d_-]*[a-z\d_])?$/i.test(label)) {
      return 'has a character that a host name cannot have (letters, digits, "-" and "_"; other scripts in punycode)'
    }
    if (/^xn--/i.test(label) && !isInternational(label.slice(4))) {
      return 'has a label that begins with "xn--" and is not punycode'
    }
  }
  return undefined
}

/** What may stand in a label: no control or format character, no space, nothing that is unassigned; and no mark at its begin. */
const labelText = /^(?!\p{M})[\p{L}\p{M}\p{N}\p{S}\p{P}\u200c\u200d]+$/u

/**
 * Whether `encoded` is what every URL parser takes after `xn--`: letters that are not all ASCII, in the form that IDNA gives them.
 * Older parsers refuse any other label; newer ones take some that no name server knows.
 *
 * Source: UTS 46 section 4.1.
 */
function isInternational(encoded: string): boolean {
  const lowerCase = encoded.toLowerCase()
  const text = decodePunycode(lowerCase)
  if (text === undefined || !labelText.test(text) || !/[^\0-\x7f]/.test(text)) return false
  return text === text.normalize('NFKC').toLowerCase() && parsedHost(`xn--${lowerCase}`) === `xn--${lowerCase}`
}

/** `host` as the URL parser of this runtime reads it; `undefined` when it does not take it. */
function parsedHost(host: string): string | undefined {
  try {
    return new URL(`http://${host}/`).hostname
  } catch {
    return undefined
  }
}

/** `host` and `port` as a URL has them, with brackets around an IPv6 address; without `port` the host alone. */
export function authorityOf(host: string, port?: number | string): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === undefined ? name : `${name}:${port}`
}

/** Whether `text` is an IPv6 address (RFC 4291 section 2.2), without brackets and without a zone. */
export function isIPv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (const [index, half] of halves.entries()) {
    if (half === '') continue
    const parts = half.split(':')
    for (const [position, part] of parts.entries()) {
      const last = index === halves.length - 1 && position === parts.length - 1
      if (last && part.includes('.')) {
        if (!ipv4.test(part)) return false
        groups += 2
      } else {
        if (!/^[\da-f]{1,4}$/i.test(part)) return false
        groups += 1
      }
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8
}
