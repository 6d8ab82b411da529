import { type EventEmitter, getEventListeners } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** What is held while nothing is in flight. */
export interface Sample {
  readonly atSeconds: number
  readonly requests: number
  readonly failures: number
  /** In use after forced collections. */
  readonly heapMegabytes: number
  readonly externalMegabytes: number
  readonly residentMegabytes: number
  readonly sockets: number
  readonly timers: number
  /** On the signal that every request was given. */
  readonly signalListeners: number
  /** On the agent and the process. */
  readonly emitterListeners: number
  readonly subscriptions: number
}

export interface Watched {
  readonly signal: AbortSignal
  readonly emitters: readonly EventEmitter[]
  readonly subscriptions: () => number
}

export async function takeSample(
  watched: Watched,
  counts: Pick<Sample, 'atSeconds' | 'requests' | 'failures'>,
): Promise<Sample> {
  // What ended must be out of the queues, and finalisers run between collections.
  for (let turn = 0; turn < 3; turn++) {
    await delay(10)
    globalThis.gc?.()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return {
    ...counts,
    heapMegabytes: heapUsed / 1e6,
    externalMegabytes: external / 1e6,
    residentMegabytes: rss / 1e6,
    sockets: openSockets(),
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    signalListeners: getEventListeners(watched.signal, 'abort').length,
    emitterListeners: [process, ...watched.emitters].reduce((sum, emitter) => sum + listenersOf(emitter), 0),
    subscriptions: watched.subscriptions(),
  }
}

/** As the system sees them: Node's own list leaves out idle ones of agents. */
export function openSockets(): number {
  return readdirSync('/proc/self/fd').filter((name) => linkOf(name).startsWith('socket:')).length
}

function linkOf(name: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${name}`)
  } catch {
    // Closed meanwhile, as the one that the folder is read through.
    return ''
  }
}

function listenersOf(emitter: EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
}
