import { FakeClock } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CriticalityRank, criticalities, rankOf } from './criticality.ts'
import { WaitQueue, type WaitTicket } from './wait-queue.ts'

/** A queue whose callers note what becomes of them. */
function noted(maxSize: number): {
  clock: FakeClock
  queue: WaitQueue
  notes: string[]
  enter: (name: string, rank: CriticalityRank, waitMs?: number) => WaitTicket | undefined
} {
  const clock = new FakeClock()
  const queue = new WaitQueue({ maxSize, clock })
  const notes: string[] = []
  const enter = (name: string, rank: CriticalityRank, waitMs = 1_000): WaitTicket | undefined =>
    queue.enqueue({
      rank,
      deadlineMs: clock.now() + waitMs,
      admit: () => notes.push(`${name} admitted`),
      expire: () => notes.push(`${name} expired`),
      shed: () => notes.push(`${name} shed`),
    })
  return { clock, queue, notes, enter }
}

const [critical, ordinary, sheddable] = criticalities.map(rankOf) as [CriticalityRank, CriticalityRank, CriticalityRank]

describe('classes of a WaitQueue', () => {
  it('are admitted from the most critical one on, and first come, first served within each', () => {
    const { queue, notes, enter } = noted(10)
    enter('s1', sheddable)
    enter('d1', ordinary)
    enter('c1', critical)
    enter('d2', ordinary)
    enter('c2', critical)
    while (queue.admitNext());
    expect(notes).toEqual(['c1 admitted', 'c2 admitted', 'd1 admitted', 'd2 admitted', 's1 admitted'])
  })

  it('give up places of a full queue from the least critical one on, and the last to come first', () => {
    const { queue, notes, enter } = noted(3)
    enter('d1', ordinary)
    enter('s1', sheddable)
    enter('s2', sheddable)
    expect(enter('s3', sheddable)).toBeUndefined()
    expect(enter('d2', ordinary)).toBeDefined()
    expect(enter('c1', critical)).toBeDefined()
    expect(enter('d3', ordinary)).toBeUndefined()
    expect(enter('c2', critical)).toBeDefined()
    expect(notes).toEqual(['s2 shed', 's1 shed', 'd2 shed'])
    expect(queue.size).toBe(3)
  })

  it('expire in a class that never gets its turn: nothing waits for ever', async () => {
    const { clock, queue, notes, enter } = noted(10)
    enter('s', sheddable, 500)
    for (let step = 0; step < 10; step++) {
      enter(`c${step}`, critical)
      queue.admitNext()
      await clock.advance(100)
    }
    expect(notes.filter((note) => note.startsWith('s'))).toEqual(['s expired'])
  })

  it('tell an evicted caller that has no shed of its own that it expired', () => {
    const { queue } = noted(1)
    let expired = 0
    queue.enqueue({ rank: sheddable, deadlineMs: 100, admit: () => {}, expire: () => expired++ })
    expect(queue.enqueue({ deadlineMs: 100, admit: () => {}, expire: () => {} })).toBeDefined()
    expect(expired).toBe(1)
  })

  it('agree with a model of lists', () => {
    interface Caller {
      readonly id: number
      readonly rank: CriticalityRank
      readonly deadlineMs: number
    }
    const step = fc.record({
      kind: fc.constantFrom('enter' as const, 'enter' as const, 'leave' as const, 'admit' as const, 'wait' as const),
      rank: fc.constantFrom(critical, ordinary, sheddable),
      value: fc.nat(50),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.nat(6), (steps, maxSize) => {
        const { clock, queue, notes, enter } = noted(maxSize)
        const tickets: (WaitTicket | undefined)[] = []
        const expected: string[] = []
        let waiting: Caller[] = []
        const out = (caller: Caller, how: string): void => {
          waiting = waiting.filter((each) => each !== caller)
          expected.push(`${caller.id} ${how}`)
        }
        for (const { kind, rank, value } of steps) {
          if (kind === 'enter') {
            const id = tickets.length
            const lowest = waiting.toSorted((one, other) => other.rank - one.rank || other.id - one.id)[0]
            const isFull = waiting.length >= maxSize
            const mayEnter = !isFull || (lowest !== undefined && lowest.rank > rank)
            if (isFull && mayEnter && lowest !== undefined) out(lowest, 'shed')
            if (mayEnter) waiting.push({ id, rank, deadlineMs: clock.now() + 1 + value })
            tickets.push(enter(String(id), rank, 1 + value))
            expect(tickets[id] !== undefined).toBe(mayEnter)
          } else if (kind === 'leave') {
            tickets[value]?.leave()
            waiting = waiting.filter(({ id }) => id !== value)
          } else if (kind === 'admit') {
            const first = waiting.toSorted((one, other) => one.rank - other.rank || one.id - other.id)[0]
            if (first !== undefined) out(first, 'admitted')
            expect(queue.admitNext()).toBe(first !== undefined)
          } else {
            clock.advanceSync(value)
            const due = waiting.filter(({ deadlineMs }) => deadlineMs <= clock.now())
            due.sort((one, other) => one.deadlineMs - other.deadlineMs || one.id - other.id)
            for (const caller of due) out(caller, 'expired')
          }
          expect(notes).toEqual(expected)
          expect(queue.size).toBe(waiting.length)
          expect(queue.size).toBeLessThanOrEqual(maxSize)
          expect(clock.pendingTimers).toBe(waiting.length)
        }
        expect(queue.close()).toHaveLength(waiting.length)
        expect(clock.pendingTimers).toBe(0)
      }),
      { seed: 20_261_201, numRuns: 1_000 },
    )
  })
})
