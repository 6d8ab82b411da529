/**
 * A header field as it is sent.
 *
 * @throws Error when a character would end the field, or is none of a field
 */
export function fieldLine(name: string, value: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw new Error('a header field has characters that cannot be sent')
  }
  return `${name}: ${value}\r\n`
}
