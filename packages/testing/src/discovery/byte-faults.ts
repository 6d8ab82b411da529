import { DiscoveryError, type ServiceDiscovery } from '@lb/core'
import { afterEach, describe, expect, it } from 'vitest'
import { Notes } from '../notes.ts'
import { eventually } from './fixture.ts'

/** The connection to a registry, as a proxy that damages it. Faults count from the beginning of a connection, and hold until the next one. */
export interface FaultyConnection {
  /** How many bytes came from the registry so far. */
  readonly bytesFromServer: number
  /** Inverts one byte. */
  corruptAt(offset: number): void
  /** Ends the connection before that byte. */
  cutAt(offset: number, by?: 'end' | 'reset'): void
  /** Passes on each byte by itself. */
  singleBytes(): void
  /** Resets what is open. */
  reset(): void
  /** Takes the fault away. */
  pass(): void | Promise<void>
}

/** A registry behind a connection that can be damaged. */
export interface ByteFaultHarness {
  /** Creates a discovery that queries the registry over `connection`, and waits `timeoutMs` for an answer. The suite closes it. */
  create(timeoutMs: number): ServiceDiscovery
  /** The damaged connection; a function, as it is made before the tests. */
  readonly connection: () => FaultyConnection
  /** A service of which the registry has `count` instances. */
  readonly service: string
  /** The number of its instances, at least 1. */
  readonly count: number
  /** How many bytes lie between two faults. @default 1 */
  readonly step?: number | undefined
  /** How long a watch may take to recover, in milliseconds. @default 10_000 */
  readonly withinMs?: number | undefined
}

const timeout = 180_000
/** Most damaged answers are waited for in vain. */
const timeoutMs = { damaged: 150, slow: 10_000 }

/**
 * A suite for answers that are damaged in one byte, at every offset: each is a failure or the right list, never another one.
 *
 *     describeByteFaults('ConsulDiscovery', { create, connection: () => proxy, service: 'web', count: 2 })
 */
export function describeByteFaults(name: string, harness: ByteFaultHarness): void {
  const { service, count, step = 1 } = harness
  describe(`${name}, with answers that are damaged in one byte`, { timeout }, () => {
    afterEach(() => harness.connection().pass())

    it('reads what comes one byte at a time', async () => {
      harness.connection().singleBytes()
      await using(
        harness,
        async (discovery) => expect(await discovery.getInstances(service)).toHaveLength(count),
        timeoutMs.slow,
      )
    })

    it.each(['end', 'reset'] as const)(
      'takes an answer that breaks off for a failure, wherever it does: %s',
      async (by) => {
        const length = await answerLength(harness)
        for (let offset = 0; offset < length; offset += step) {
          harness.connection().cutAt(offset, by)
          await using(harness, async (discovery) => {
            await expect(discovery.getInstances(service), `at ${offset}`).rejects.toBeInstanceOf(DiscoveryError)
          })
        }
      },
    )

    it('takes an answer with a wrong byte for a failure, or has as many entries, used and rejected', async () => {
      const length = await answerLength(harness)
      let failures = 0
      for (let offset = 0; offset < length; offset += step) {
        harness.connection().corruptAt(offset)
        const { lists, rejected, errors } = await firstWord(harness)
        if (errors[0] instanceof DiscoveryError) failures++
        else expect((lists[0]?.length ?? 0) + (rejected[0]?.length ?? 0), `at ${offset}`).toBe(count)
      }
      expect(failures).toBeGreaterThan(length / step / 20)
    })

    it('has the right list in a watch when the fault is gone, and never an empty one', () => recovers(harness))
  })
}

async function recovers(harness: ByteFaultHarness): Promise<void> {
  const { service, count, step = 1, withinMs = 10_000 } = harness
  const length = await answerLength(harness)
  for (let offset = 0; offset < length; offset += 20 * step) {
    harness.connection().corruptAt(offset)
    await using(harness, async (discovery) => {
      const notes = new Notes()
      discovery.watch?.(service, notes)
      await eventually(withinMs, () => expect(notes.calls, `at ${offset}`).toBeGreaterThan(0))
      await harness.connection().pass()
      harness.connection().reset()
      await eventually(withinMs, () => expect(notes.lists.at(-1), `at ${offset}`).toHaveLength(count))
      expect(notes.lists.every((list, index) => list.length + (notes.rejected[index]?.length ?? 0) === count)).toBe(
        true,
      )
    })
  }
}

/** How many bytes an answer takes, with its head. */
async function answerLength(harness: ByteFaultHarness): Promise<number> {
  await harness.connection().pass()
  const before = harness.connection().bytesFromServer
  await using(harness, (discovery) => discovery.getInstances(harness.service), timeoutMs.slow)
  return harness.connection().bytesFromServer - before
}

/** What a watch emits first. */
async function firstWord(harness: ByteFaultHarness): Promise<Notes> {
  const notes = new Notes()
  await using(
    harness,
    (discovery) =>
      new Promise<void>((resolve) => {
        notes.onCall = resolve
        discovery.watch?.(harness.service, notes)
      }),
  )
  return notes
}

/** Each discovery has a connection of its own. */
async function using(
  harness: ByteFaultHarness,
  use: (discovery: ServiceDiscovery) => Promise<unknown>,
  patienceMs: number = timeoutMs.damaged,
): Promise<void> {
  const discovery = harness.create(patienceMs)
  try {
    await use(discovery)
  } finally {
    await discovery.close?.()
  }
}
