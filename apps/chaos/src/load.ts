import type { CallRecord } from './call-record.ts'
import type { Send } from './client.ts'

/** Requests that go on until they are stopped. */
export interface Load {
  /** Longest that it was behind its schedule. */
  readonly maxLagMs: number
  /** Requests a second from now on, where they are paced by time. */
  setRate(ratePerSecond: number): void
  /** One more, at once. */
  sendOne(): void
  /** Resolves when the last request is over. */
  stop(): Promise<void>
}

/** Sends one request and records what becomes of it. */
export async function sendOne(send: Send, record: CallRecord, method: 'GET' | 'POST' = 'GET'): Promise<void> {
  const finished = record.request()
  try {
    // A body that broke off must not pass for an answer.
    finished(typeof (await send(method)) === 'string' ? undefined : 'broken body')
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException
    finished(code ?? name)
  }
}
