import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { MemorySnapshots } from '../../../test/observed-composite.ts'
import { parseInstance, type ServiceInstance } from '../../instance/instance.ts'
import { SnapshotWriter } from './writer.ts'

function observedWriter(): { clock: FakeClock; store: MemorySnapshots; writer: SnapshotWriter; failures: unknown[] } {
  const clock = new FakeClock()
  const store = new MemorySnapshots()
  const failures: unknown[] = []
  const onFailure = (error: unknown): void => {
    failures.push(error)
  }
  const writer = new SnapshotWriter({ service: 'users', store, clock, random: () => 0, onFailure })
  return { clock, store, writer, failures }
}

function list(...hosts: string[]): ServiceInstance[] {
  return hosts.map((host) => parseInstance(`${host}:1`))
}

describe('a list', () => {
  it('is saved a second after it came, together with what came meanwhile', async () => {
    const { clock, store, writer } = observedWriter()
    writer.update(list('a'))
    await clock.advance(999)
    writer.update(list('a', 'b'))
    expect(store.saves).toEqual([])
    await clock.advance(1)
    expect(store.saves).toEqual([['a:1', 'b:1']])
  })

  it('that is the same in another order is not saved again', async () => {
    const { clock, store, writer } = observedWriter()
    for (let second = 0; second < 100; second++) {
      writer.update(second % 2 === 0 ? list('a', 'b') : list('b', 'a'))
      await clock.advance(1_000)
    }
    expect(store.saves).toHaveLength(1)
  })

  it.each([
    ['another instance', list('a', 'c')],
    ['one more instance', list('a', 'b', 'c')],
    ['one instance less', list('a')],
    ['another weight', [...list('a'), parseInstance({ host: 'b', port: 1, weight: 2 })]],
    ['other metadata', [...list('a'), parseInstance({ host: 'b', port: 1, metadata: { version: '2' } })]],
  ])('with %s is saved', async (_, next) => {
    const { clock, store, writer } = observedWriter()
    writer.update(list('a', 'b'))
    await clock.advance(5_000)
    writer.update(next)
    await clock.advance(1_000)
    expect(store.saves).toHaveLength(2)
  })

  it('that changes all the time is saved once a second', async () => {
    const { clock, store, writer } = observedWriter()
    for (let change = 0; change < 100; change++) {
      writer.update(list(`a${change}`))
      await clock.advance(100)
    }
    expect(store.saves).toHaveLength(10)
  })

  it('is saved again every 10 minutes while it is live, said again or not', async () => {
    for (const saidEveryMs of [10_000, 10_000_000]) {
      const { clock, store, writer } = observedWriter()
      for (let atMs = 0; atMs < 3_600_000; atMs += 10_000) {
        if (atMs % saidEveryMs === 0) writer.update(list('a'))
        await clock.advance(10_000)
      }
      // Said again, it is saved when the renewal is due but for its jitter.
      expect(store.saves.length).toBeGreaterThanOrEqual(6)
      expect(store.saves.length).toBeLessThanOrEqual(8)
    }
  })

  it('that was said twice and not again is still renewed', async () => {
    const { clock, store, writer } = observedWriter()
    writer.update(list('a'))
    await clock.advance(5_000)
    writer.update(list('a'))
    await clock.advance(3_600_000)
    expect(store.saves).toHaveLength(7)
  })

  it('is not saved again while the discovery fails, so that its age tells', async () => {
    const { clock, store, writer } = observedWriter()
    writer.update(list('a'))
    await clock.advance(5_000)
    writer.pause()
    await clock.advance(3_600_000)
    expect(store.saves).toHaveLength(1)
    writer.update(list('a'))
    await clock.advance(1_000)
    expect(store.saves).toHaveLength(2)
  })
})

describe('a save', () => {
  it('is one at a time, and the next one has the newest list', async () => {
    const { clock, store, writer } = observedWriter()
    let open: () => void = () => {}
    store.gate = new Promise((resolve) => {
      open = resolve
    })
    writer.update(list('a'))
    await clock.advance(2_000)
    for (const host of ['b', 'c', 'd']) writer.update(list(host))
    await clock.advance(2_000)
    expect(clock.pendingTimers).toBe(1)
    open()
    await clock.advance(1_000)
    expect(store.saves).toEqual([['a:1'], ['d:1']])
  })

  it('that fails is told, and tried again after a minute, not with every answer', async () => {
    const { clock, store, writer, failures } = observedWriter()
    store.failure = new Error('disk full')
    for (let second = 0; second < 60; second++) {
      writer.update(list('a'))
      await clock.advance(1_000)
    }
    expect(failures).toEqual([store.failure])
    store.failure = undefined
    await clock.advance(1_000)
    expect(store.saves).toEqual([['a:1']])
  })

  it('that hangs is given up after 10 s', async () => {
    const { clock, store, writer, failures } = observedWriter()
    store.gate = new Promise(() => {})
    writer.update(list('a'))
    await clock.advance(11_000)
    expect(failures).toMatchObject([{ message: 'no answer within 10000 ms' }])
  })

  it('keeps no process alive', async () => {
    const { clock, writer } = observedWriter()
    writer.update(list('a'))
    expect([clock.pendingTimers, clock.pendingForegroundTimers]).toEqual([1, 0])
    await clock.advance(2_000)
    expect([clock.pendingTimers, clock.pendingForegroundTimers]).toEqual([1, 0])
  })
})

describe('close', () => {
  it('saves what is not saved yet, and leaves no timer', async () => {
    const { clock, store, writer } = observedWriter()
    writer.update(list('a'))
    await writer.close()
    expect(store.saves).toEqual([['a:1']])
    expect(clock.pendingTimers).toBe(0)
    writer.update(list('b'))
    await clock.advance(1_000_000)
    expect(store.saves).toHaveLength(1)
  })

  it('saves nothing when there is nothing new', async () => {
    const { clock, store, writer } = observedWriter()
    await writer.close()
    const other = observedWriter()
    other.writer.update(list('a'))
    await other.clock.advance(1_000)
    await other.writer.close()
    expect([store.saves.length, other.store.saves.length]).toEqual([0, 1])
    expect([clock.pendingTimers, other.clock.pendingTimers]).toEqual([0, 0])
  })

  it('waits for a store that hangs for 10 s, once', async () => {
    const { clock, store, writer, failures } = observedWriter()
    store.gate = new Promise(() => {})
    writer.update(list('a'))
    await clock.advance(1_000)
    const closed = writer.close()
    await clock.advance(10_000)
    await closed
    expect([failures.length, clock.pendingTimers]).toEqual([1, 0])
  })

  it('waits for the save that is under way, and then saves the newest list', async () => {
    const { clock, store, writer } = observedWriter()
    let open: () => void = () => {}
    store.gate = new Promise((resolve) => {
      open = resolve
    })
    writer.update(list('a'))
    await clock.advance(1_000)
    writer.update(list('b'))
    const closed = writer.close()
    open()
    await closed
    expect(store.mostAtOnce).toBe(1)
    expect(store.saves).toEqual([['a:1'], ['b:1']])
    expect(clock.pendingTimers).toBe(0)
  })
})
