/** The message of `cause`, or `cause` as text if it is no error. Never throws, although what was thrown may throw when it is read. */
export function messageOf(cause: unknown): string {
  try {
    return String(cause instanceof Error ? cause.message : cause)
  } catch {
    return 'an error that cannot be read'
  }
}
