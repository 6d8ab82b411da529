const maxNameLength = 253
const maxLabelLength = 63

/** Why `name`, without a dot at its end, cannot be asked for; `undefined` when it can. */
export function domainNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (name.length > maxNameLength) return `is longer than ${maxNameLength} characters`
  for (const label of name.split('.')) {
    if (label === '') return 'has an empty label'
    if (label.length > maxLabelLength) return `has a label longer than ${maxLabelLength} characters`
    if (!/^[a-z\d_-]+$/i.test(label)) {
      return 'has a character other than letters, digits, "-" and "_" (other scripts in punycode)'
    }
  }
  return undefined
}

export interface SearchRules {
  /** Domains that are appended to a relative name. */
  readonly search: readonly string[]
  /** A name with at least this many dots is asked for as it is before any domain is appended. */
  readonly ndots: number
}

/**
 * The names that `name` may stand for, in the order in which they are asked for: as resolv.conf(5) describes `search` and
 * `ndots`. A name with a dot at its end is absolute and stands for itself.
 */
export function searchedNames(name: string, { search, ndots }: SearchRules): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1).toLowerCase()]
  const appended = search.map((domain) => `${name}.${domain}`).filter((full) => full.length <= maxNameLength)
  const dots = name.split('.').length - 1
  const names = dots >= ndots ? [name, ...appended] : [...appended, name]
  return [...new Set(names.map((full) => full.toLowerCase()))]
}

/**
 * A label as a part of a name: ASCII letters in lower case, every byte that a host name cannot have as a backslash and three
 * digits (RFC 1035 section 5.1), so that a dot within a label is not taken for one between labels.
 */
export function labelText(label: Buffer): string {
  const text = label.toString('latin1')
  if (/^[a-z\d_-]+$/.test(text)) return text
  return text
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    .replace(/[^a-z\d_-]/g, (character) => `\\${character.charCodeAt(0).toString().padStart(3, '0')}`)
}

/** The labels of a name without a dot at its end, of which each was written by `labelText`. */
export function labelsOf(name: string): Buffer[] {
  return name.split('.').map((text) => {
    const label = text.replace(/\\(\d{3})/g, (_, digits) => String.fromCharCode(Number(digits)))
    return Buffer.from(label, 'latin1')
  })
}
