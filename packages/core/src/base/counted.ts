/** A count with its noun, for messages: `1 request`, `2 requests`. For nouns whose plural ends with an s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
