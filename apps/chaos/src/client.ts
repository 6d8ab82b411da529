/** Sends one request, and gives what came back of its text. A POST is not repeated once it was sent. */
export type Send = (method: 'GET' | 'POST') => Promise<unknown>

/** Callers' view of a service: every default, but for a time limit. */
export interface Client {
  readonly send: Send
  close(): void
}
