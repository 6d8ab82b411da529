import type { AxiosInstance } from 'axios'
import type { CallRecord } from './call-record.ts'

const url = 'http://user-service/v1/profile'

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
export async function sendOne(
  client: AxiosInstance,
  record: CallRecord,
  method: 'GET' | 'POST' = 'GET',
): Promise<void> {
  const finished = record.request()
  try {
    const { data } = await client.request<{ servedBy?: string }>({ url, method })
    // A body that broke off must not pass for an answer.
    finished(typeof data.servedBy === 'string' ? undefined : 'broken body')
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException
    finished(code ?? name)
  }
}
