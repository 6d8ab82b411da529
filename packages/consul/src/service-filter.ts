/**
 * The expression that `filter` of a query is to be: instances that have all of `tags`, and for which `filter` holds. `undefined`
 * when all are wanted.
 */
export function serviceFilter(tags: readonly string[], filter: string | undefined): string | undefined {
  const parts = tags.map((tag) => `${quoted(tag)} in Service.Tags`)
  if (filter !== undefined) parts.push(parts.length === 0 ? filter : `(${filter})`)
  return parts.length === 0 ? undefined : parts.join(' and ')
}

/** The grammar has no quote within quotes, however escaped; what is between them is then read as Go does. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\x22').replaceAll('\n', '\\n')}"`
}
