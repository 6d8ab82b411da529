import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type CriticalityRank, rankOf } from './criticality.ts'
import { WaitQueue } from './wait-queue.ts'

const standingMs = 100

interface Caller {
  readonly rank?: CriticalityRank
  readonly isTooLate?: () => boolean
  readonly mayEnter?: () => boolean
}

/** A queue in which the newest go first after 100 ms without a break; its callers note what becomes of them. */
class StandingQueue {
  readonly clock = new FakeClock()
  readonly queue: WaitQueue
  readonly notes: string[] = []

  constructor(maxSize = 10) {
    this.queue = new WaitQueue({ maxSize, newestFirstAfterMs: standingMs, clock: this.clock })
  }

  /** Whether there was a place. */
  enter(name: string, caller: Caller = {}): boolean {
    const ticket = this.queue.enqueue({
      ...caller,
      deadlineMs: this.clock.now() + 10_000,
      admit: () => this.notes.push(name),
      expire: () => this.notes.push(`${name} expired`),
      shed: () => this.notes.push(`${name} shed`),
    })
    return ticket !== undefined
  }

  admitAll(): string[] {
    while (this.queue.admitNext());
    return this.notes.splice(0)
  }
}

describe('a queue in which calls have been waiting for 100 ms without a break', () => {
  it('admits those that came last first, and before that those that came first', () => {
    const standing = new StandingQueue()
    for (const name of ['a', 'b', 'c', 'd']) standing.enter(name)
    standing.clock.advanceSync(standingMs - 1)
    standing.queue.admitNext()
    expect(standing.notes).toEqual(['a'])
    standing.clock.advanceSync(1)
    expect(standing.admitAll()).toEqual(['a', 'd', 'c', 'b'])
  })

  it('is measured from the call that found it empty, although that one went long ago', () => {
    const standing = new StandingQueue()
    standing.enter('a')
    standing.clock.advanceSync(60)
    standing.enter('b')
    standing.queue.admitNext()
    standing.clock.advanceSync(40)
    standing.enter('c')
    expect(standing.admitAll()).toEqual(['a', 'c', 'b'])
  })

  it('admits those that came first again once it was empty', () => {
    const standing = new StandingQueue()
    standing.enter('a')
    standing.clock.advanceSync(standingMs)
    expect(standing.admitAll()).toEqual(['a'])
    for (const name of ['b', 'c']) standing.enter(name)
    expect(standing.admitAll()).toEqual(['b', 'c'])
  })

  it('keeps the order of classes', () => {
    const standing = new StandingQueue()
    for (const name of ['critical', 'default', 'sheddable'] as const) {
      standing.enter(`old ${name}`, { rank: rankOf(name) })
      standing.enter(`new ${name}`, { rank: rankOf(name) })
    }
    standing.clock.advanceSync(standingMs)
    expect(standing.admitAll()).toEqual([
      'new critical',
      'old critical',
      'new default',
      'old default',
      'new sheddable',
      'old sheddable',
    ])
  })

  it('gives the place of the oldest call of the lowest class to a new one, of the same class too', () => {
    const standing = new StandingQueue(2)
    for (const name of ['a', 'b']) standing.enter(name)
    expect(standing.enter('early')).toBe(false)
    standing.clock.advanceSync(standingMs)
    expect(standing.enter('c')).toBe(true)
    expect(standing.enter('low', { rank: rankOf('sheddable') })).toBe(false)
    expect(standing.enter('d')).toBe(true)
    expect(standing.admitAll()).toEqual(['a shed', 'b shed', 'd', 'c'])
  })

  it('passes over a call that may not enter, in either order', () => {
    const standing = new StandingQueue()
    standing.enter('a')
    standing.enter('b', { mayEnter: () => false })
    standing.enter('c')
    standing.enter('d', { mayEnter: () => false })
    standing.clock.advanceSync(standingMs)
    expect(standing.admitAll()).toEqual(['c', 'a'])
    expect(standing.queue.size).toBe(2)
  })
})

describe('a call that is too late', () => {
  it.each([0, standingMs])('expires when its turn comes, and the next one is admitted: after %i ms', (waitMs) => {
    const standing = new StandingQueue()
    standing.enter('a')
    standing.enter('late', { isTooLate: () => true })
    standing.enter('b')
    standing.clock.advanceSync(waitMs)
    const order = waitMs === 0 ? ['a', 'late expired', 'b'] : ['b', 'late expired', 'a']
    expect(standing.admitAll()).toEqual(order)
    expect([standing.queue.size, standing.clock.pendingTimers]).toEqual([0, 0])
  })

  it('waits on until its turn comes', () => {
    const standing = new StandingQueue()
    standing.enter('late', { isTooLate: () => true })
    standing.clock.advanceSync(standingMs)
    expect([standing.notes, standing.queue.size]).toEqual([[], 1])
    expect(standing.queue.admitNext()).toBe(false)
    expect(standing.notes).toEqual(['late expired'])
  })
})
