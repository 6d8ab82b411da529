/** What `cause` says. Whatever can be thrown may itself throw when it is looked at. */
export function messageOf(cause: unknown): string {
  try {
    return String(cause instanceof Error ? cause.message : cause)
  } catch {
    return 'an error that cannot be read'
  }
}
