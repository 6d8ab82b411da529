let events = 0

/** Something of a response arrived: an interim response, a part of a body, or its end. */
export function countResponseEvent(): void {
  events++
}

/** How much arrived of all responses. It tells whether something did between two reads of one connection. */
export function responseEvents(): number {
  return events
}
