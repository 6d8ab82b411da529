const authorityPattern = /^(?:\[[\w.~:%-]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d{0,5})?$/

/** Whether `value` is a host, and maybe a port, as RFC 3986 section 3.2 has them, without user information. */
export function isAuthority(value: string): boolean {
  return authorityPattern.test(value)
}
