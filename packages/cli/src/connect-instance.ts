import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ServiceInstance } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import { CommandError } from './command-error.ts'

/** Connections that are tried at once. */
const atOnce = 32

/** Whether an instance accepts connections. */
export interface Connected {
  readonly instance: ServiceInstance
  readonly durationMs: number
  /** Why it does not; `undefined` if it does. */
  readonly error: unknown
}

interface ConnectOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Connects to each instance, over TLS where it is secure, and closes the connection again. */
export async function connectAll(
  instances: readonly ServiceInstance[],
  options: ConnectOptions,
): Promise<readonly Connected[]> {
  const results: Connected[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < instances.length) {
      const index = next++
      const instance = instances[index]
      if (instance !== undefined) results[index] = await connectOne(instance, options)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, instances.length) }, worker))
  options.signal.throwIfAborted()
  return results
}

async function connectOne(instance: ServiceInstance, { timeoutMs, signal }: ConnectOptions): Promise<Connected> {
  const startedMs = systemClock.now()
  const limit = AbortSignal.timeout(timeoutMs)
  const error = await connected(instance, AbortSignal.any([limit, signal])).then(
    () => undefined,
    (reason: unknown) => (limit.aborted ? new CommandError(`no connection within ${timeoutMs} ms`) : reason),
  )
  return { instance, durationMs: systemClock.now() - startedMs, error }
}

function connected({ host, port, secure }: ServiceInstance, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const isName = !/^[\d.]+$|:/.test(host)
    const socket: Socket = secure
      ? connectTls({ host, port, ...(isName ? { servername: host } : undefined) })
      : connectTcp({ host, port })
    const end = (error?: unknown): void => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      if (error === undefined) resolve()
      else reject(error)
    }
    const abort = (): void => end(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', end)
    socket.once(secure ? 'secureConnect' : 'connect', () => end())
  })
}
