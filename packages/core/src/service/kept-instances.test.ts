import { FakeClock, instance } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { KeptInstances } from './kept-instances.ts'
import { InstanceRecord } from './record.ts'

function observed(): { clock: FakeClock; kept: KeptInstances; ended: InstanceRecord[]; record: InstanceRecord } {
  const clock = new FakeClock()
  const ended: InstanceRecord[] = []
  const kept = new KeptInstances(clock, (record) => ended.push(record))
  return { clock, kept, ended, record: new InstanceRecord(instance('a'), clock.now()) }
}

describe('KeptInstances', () => {
  it('keeps an instance for its time, in the background', () => {
    const { clock, kept, ended, record } = observed()
    kept.keep(record, 5_000)
    expect([...kept.records]).toEqual([record])
    expect(record.keptUntilMs).toBe(clock.now() + 5_000)
    expect(clock.pendingForegroundTimers).toBe(0)
    clock.advanceSync(4_999)
    expect(ended).toEqual([])
    clock.advanceSync(1)
    expect(ended).toEqual([record])
    expect([...kept.records]).toEqual([])
    expect(record.keptUntilMs).toBeUndefined()
  })

  it('lets go of one before its time, and says whether it was kept', () => {
    const { clock, kept, ended, record } = observed()
    expect(kept.release(record)).toBe(false)
    kept.keep(record, 5_000)
    expect(kept.release(record)).toBe(true)
    expect(kept.release(record)).toBe(false)
    expect(record.keptUntilMs).toBeUndefined()
    expect(clock.pendingTimers).toBe(0)
    clock.advanceSync(10_000)
    expect(ended).toEqual([])
  })

  it('begins anew for one that is kept already, without a second timer', () => {
    const { clock, kept, ended, record } = observed()
    kept.keep(record, 5_000)
    clock.advanceSync(4_000)
    kept.keep(record, 5_000)
    expect(clock.pendingTimers).toBe(1)
    clock.advanceSync(4_000)
    expect(ended).toEqual([])
    clock.advanceSync(1_000)
    expect(ended).toEqual([record])
  })

  it('leaves no timer when it is closed', () => {
    const { clock, kept, record } = observed()
    kept.keep(record, 5_000)
    kept.keep(new InstanceRecord(instance('b'), 0), 5_000)
    kept.close()
    expect(clock.pendingTimers).toBe(0)
    expect([...kept.records]).toEqual([])
  })
})
