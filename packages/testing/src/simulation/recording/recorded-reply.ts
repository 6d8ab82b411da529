/** The reply of an attempt that got none. */
export const noReply = 0
/** Replies from here downwards are recorded failures. */
const firstFailure = -10

/** The reply that stands for the failure with this number. */
export function failureReply(number: number): number {
  return firstFailure - number
}

/** The number of the failure that `reply` stands for; negative: it is none. */
export function failureNumber(reply: number): number {
  return firstFailure - reply
}
