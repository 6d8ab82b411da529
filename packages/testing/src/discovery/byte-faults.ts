import { DiscoveryError, type ServiceDiscovery } from '@lb/core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
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
  /** Ends the proxy. */
  close(): Promise<void>
}

/** A registry behind a connection that can be damaged. */
export interface ByteFaultHarness<C extends FaultyConnection = FaultyConnection> {
  /** Opens a way to the registry. The suite opens several, tries as many faults at a time, and closes them. */
  connect(): Promise<C>
  /** Creates a discovery that queries the registry over `connection`, and waits `timeoutMs` for an answer. The suite closes it. */
  create(connection: C, timeoutMs: number): ServiceDiscovery
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
/** Faults that are tried at a time: nearly all of their time is waiting. */
const lanes = 16

/**
 * A suite for answers that are damaged in one byte, at every offset: each is a failure or the right list, never another one.
 *
 *     describeByteFaults('ConsulDiscovery', { connect, create, service: 'web', count: 2 })
 */
export function describeByteFaults<C extends FaultyConnection>(name: string, harness: ByteFaultHarness<C>): void {
  const { service, count, step = 1 } = harness
  describe(`${name}, with answers that are damaged in one byte`, { timeout }, () => {
    let connections: C[] = []
    beforeAll(async () => {
      connections = await Promise.all(Array.from({ length: lanes }, () => harness.connect()))
    })
    afterAll(() => Promise.all(connections.map((connection) => connection.close())))
    afterEach(() => Promise.all(connections.map(async (connection) => connection.pass())))

    it('reads what comes one byte at a time', async () => {
      const [connection] = connections
      if (connection === undefined) throw new TypeError('connect() gave nothing')
      connection.singleBytes()
      const discovery = harness.create(connection, timeoutMs.slow)
      await closing(discovery, async () => expect(await discovery.getInstances(service)).toHaveLength(count))
    })

    it.each(['end', 'reset'] as const)('takes an answer that breaks off for a failure, wherever it does: %s', (by) =>
      atEachOffset(connections, harness, step, async (connection, offset) => {
        connection.cutAt(offset, by)
        const discovery = harness.create(connection, timeoutMs.damaged)
        await closing(discovery, () =>
          expect(discovery.getInstances(service), `at ${offset}`).rejects.toBeInstanceOf(DiscoveryError),
        )
      }),
    )

    it('takes an answer with a wrong byte for a failure, or has as many entries, used and rejected', async () => {
      let failures = 0
      let offsets = 0
      await atEachOffset(connections, harness, step, async (connection, offset) => {
        offsets++
        connection.corruptAt(offset)
        const { lists, rejected, errors } = await firstWord(harness.create(connection, timeoutMs.damaged), service)
        if (errors[0] instanceof DiscoveryError) failures++
        else expect((lists[0]?.length ?? 0) + (rejected[0]?.length ?? 0), `at ${offset}`).toBe(count)
      })
      expect(failures).toBeGreaterThan(offsets / 20)
    })

    it('has the right list in a watch when the fault is gone, and never an empty one', () =>
      atEachOffset(connections, harness, 20 * step, (connection, offset) => recovers(harness, connection, offset)))
  })
}

async function recovers<C extends FaultyConnection>(
  harness: ByteFaultHarness<C>,
  connection: C,
  offset: number,
): Promise<void> {
  const { service, count, withinMs = 10_000 } = harness
  connection.corruptAt(offset)
  const discovery = harness.create(connection, timeoutMs.damaged)
  await closing(discovery, async () => {
    const notes = new Notes()
    discovery.watch?.(service, notes)
    await eventually(withinMs, () => expect(notes.calls, `at ${offset}`).toBeGreaterThan(0))
    await connection.pass()
    connection.reset()
    await eventually(withinMs, () => expect(notes.lists.at(-1), `at ${offset}`).toHaveLength(count))
    expect(notes.lists.every((list, index) => list.length + (notes.rejected[index]?.length ?? 0) === count)).toBe(true)
  })
}

/** Calls `use` for every offset of an answer: as many at a time as there are connections. */
async function atEachOffset<C extends FaultyConnection>(
  connections: readonly C[],
  harness: ByteFaultHarness<C>,
  step: number,
  use: (connection: C, offset: number) => Promise<void>,
): Promise<void> {
  const lengths = await Promise.all(connections.map((connection) => answerLength(harness, connection)))
  // A server may cut the same answer into other chunks: beyond the shortest, an answer may have ended.
  const length = Math.min(...lengths)
  let next = 0
  await Promise.all(
    connections.map(async (connection) => {
      while (next < length) {
        const offset = next
        next += step
        await use(connection, offset)
      }
    }),
  )
}

/** How many bytes an answer takes, with its head. */
async function answerLength<C extends FaultyConnection>(harness: ByteFaultHarness<C>, connection: C): Promise<number> {
  await connection.pass()
  const before = connection.bytesFromServer
  const discovery = harness.create(connection, timeoutMs.slow)
  await closing(discovery, () => discovery.getInstances(harness.service))
  return connection.bytesFromServer - before
}

/** What a watch emits first. */
async function firstWord(discovery: ServiceDiscovery, service: string): Promise<Notes> {
  const notes = new Notes()
  await closing(
    discovery,
    () =>
      new Promise<void>((resolve) => {
        notes.onCall = resolve
        discovery.watch?.(service, notes)
      }),
  )
  return notes
}

/** Each discovery has a connection of its own. */
async function closing(discovery: ServiceDiscovery, use: () => Promise<unknown>): Promise<void> {
  try {
    await use()
  } finally {
    await discovery.close?.()
  }
}
