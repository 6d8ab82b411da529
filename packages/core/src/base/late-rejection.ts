/**
 * For code of the application that gives nothing, and may be asynchronous all the same: `failed` gets what `result` is rejected with.
 * An unhandled rejection would end the process.
 */
export function onLateRejection(result: unknown, failed: (cause: unknown) => void): void {
  if (typeof result !== 'object' || result === null) return
  Promise.resolve(result).catch(failed)
}
