import type { Clock } from '@lb/core'
import { timeLimited } from '@lb/core/authoring'
import { DnsFailure } from './errors.ts'
import type { NameServer } from './name-server.ts'

/** One query to one server, and how its answer is known. */
export interface Exchange {
  readonly server: NameServer
  readonly query: Buffer
  /** Whether `message` is the answer to the query. */
  readonly accepts: (message: Buffer) => boolean
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Only a watch waits for it: neither sockets nor timers keep the process alive. */
  readonly background: boolean
}

/** Opens a socket for an exchange, and gives back how it is closed. */
type Open = (resolve: (message: Buffer) => void, reject: (cause: unknown) => void) => () => void

/** The answer that comes over the socket of `open`, which is closed when the answer is here, the time is over or the signal is aborted. */
export async function exchanged(
  { clock, timeoutMs: limitMs, signal, background }: Exchange,
  open: Open,
): Promise<Buffer> {
  const late = (): Error => new DnsFailure('TIMEOUT', `no answer within ${limitMs} ms`)
  let close = (): void => {}
  try {
    return await timeLimited(
      { clock, limitMs, signals: [signal], background, late },
      () =>
        new Promise<Buffer>((resolve, reject) => {
          close = open(resolve, reject)
        }),
    )
  } finally {
    close()
  }
}
