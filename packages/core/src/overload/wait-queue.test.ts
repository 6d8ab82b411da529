import { FakeClock } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { type WaitEntry, WaitQueue, type WaitQueueOptions, type WaitTicket } from './wait-queue.ts'

/** A queue whose callers note what becomes of them. */
function noted(maxSize = 10): {
  clock: FakeClock
  queue: WaitQueue
  notes: string[]
  enter: (name: string, waitMs?: number) => WaitTicket | undefined
} {
  const clock = new FakeClock()
  const queue = new WaitQueue({ maxSize, clock })
  const notes: string[] = []
  const enter = (name: string, waitMs = 1_000): WaitTicket | undefined =>
    queue.enqueue({
      deadlineMs: clock.now() + waitMs,
      admit: () => notes.push(`${name} admitted`),
      expire: () => notes.push(`${name} expired`),
    })
  return { clock, queue, notes, enter }
}

describe('WaitQueue', () => {
  it('admits first come, first served', () => {
    const { queue, notes, enter } = noted()
    for (const name of ['a', 'b', 'c']) enter(name)
    expect(queue.size).toBe(3)
    expect([1, 2, 3, 4].map(() => queue.admitNext())).toEqual([true, true, true, false])
    expect(notes).toEqual(['a admitted', 'b admitted', 'c admitted'])
  })

  it('passes over a caller that may not enter, and keeps its place', () => {
    const { clock, queue, notes, enter } = noted()
    let isOpen = false
    queue.enqueue({
      deadlineMs: clock.now() + 1_000,
      mayEnter: () => isOpen,
      admit: () => notes.push('held admitted'),
      expire: () => notes.push('held expired'),
    })
    for (const name of ['a', 'b', 'c']) enter(name)
    expect([queue.admitNext(), queue.admitNext()]).toEqual([true, true])
    isOpen = true
    queue.admitNext()
    isOpen = false
    expect([queue.admitNext(), queue.admitNext(), queue.size]).toEqual([true, false, 0])
    expect(notes).toEqual(['a admitted', 'b admitted', 'held admitted', 'c admitted'])
  })

  it('takes no more than it may, and has room again when somebody is out', () => {
    const { queue, enter } = noted(2)
    const first = enter('a')
    enter('b')
    expect(enter('c')).toBeUndefined()
    first?.leave()
    expect(enter('d')).toBeDefined()
    queue.admitNext()
    expect(enter('e')).toBeDefined()
    expect(enter('f')).toBeUndefined()
    expect(queue.size).toBe(2)
  })

  it('lets nobody wait when its size is 0', () => {
    const { clock, queue, enter } = noted(0)
    expect(enter('a')).toBeUndefined()
    expect(queue.admitNext()).toBe(false)
    expect(clock.pendingTimers).toBe(0)
  })

  it('expires each caller at its own deadline, whatever the order', async () => {
    const { clock, queue, notes, enter } = noted()
    enter('slow', 300)
    enter('quick', 100)
    await clock.advance(99)
    expect(notes).toEqual([])
    await clock.advance(1)
    expect(notes).toEqual(['quick expired'])
    await clock.advance(200)
    expect(notes).toEqual(['quick expired', 'slow expired'])
    expect(queue.size).toBe(0)
  })

  it('calls neither function of a caller that left', async () => {
    const { clock, queue, notes, enter } = noted()
    enter('a')
    const ticket = enter('b')
    enter('c')
    ticket?.leave()
    ticket?.leave()
    expect(queue.size).toBe(2)
    queue.admitNext()
    await clock.advance(2_000)
    expect(notes).toEqual(['a admitted', 'c expired'])
  })

  it('ignores a caller that leaves after it is out', async () => {
    const { clock, queue, enter } = noted()
    const tickets = ['a', 'b'].map((name) => enter(name))
    queue.admitNext()
    await clock.advance(1_000)
    enter('c')
    for (const ticket of tickets) ticket?.leave()
    expect(queue.size).toBe(1)
  })

  it('does not admit a caller whose deadline passed, however late its timer is', () => {
    let nowMs = 0
    const clock = { now: () => nowMs, setTimeout: () => () => {} }
    const queue = new WaitQueue({ maxSize: 3, clock })
    const notes: string[] = []
    for (const deadlineMs of [10, 30, 20]) {
      queue.enqueue({
        deadlineMs,
        admit: () => notes.push(`${deadlineMs} admitted`),
        expire: () => notes.push(`${deadlineMs} expired`),
      })
    }
    nowMs = 10
    expect(queue.admitNext()).toBe(true)
    nowMs = 20
    expect(queue.admitNext()).toBe(false)
    expect(notes).toEqual(['10 expired', '30 admitted', '20 expired'])
  })

  it('waits on when a timer is early', () => {
    let nowMs = 0
    const timers: { callback: () => void; delayMs: number }[] = []
    const clock = {
      now: () => nowMs,
      setTimeout: (callback: () => void, delayMs: number) => {
        timers.push({ callback, delayMs })
        return () => {}
      },
    }
    const queue = new WaitQueue({ maxSize: 1, clock })
    let expired = 0
    queue.enqueue({ deadlineMs: 100, admit: () => {}, expire: () => expired++ })
    nowMs = 99.5
    timers[0]?.callback()
    expect(expired).toBe(0)
    nowMs = 100
    timers[1]?.callback()
    expect(expired).toBe(1)
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([100, 0.5])
  })

  it('keeps the process alive while somebody waits, and leaves no timer behind', async () => {
    const { clock, queue, enter } = noted()
    const ticket = enter('a')
    enter('b')
    enter('c')
    expect(clock.pendingForegroundTimers).toBe(3)
    ticket?.leave()
    queue.admitNext()
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(1_000)
    expect(clock.pendingTimers).toBe(0)
  })

  it('needs no timer for a caller that waits for ever', () => {
    const { clock, queue, notes, enter } = noted()
    enter('a', Number.POSITIVE_INFINITY)
    expect(clock.pendingTimers).toBe(0)
    expect(queue.admitNext()).toBe(true)
    expect(notes).toEqual(['a admitted'])
  })

  it('expires a caller that comes after its deadline, but not before it has its ticket', async () => {
    const { clock, notes, enter } = noted()
    enter('a', -5)
    expect(notes).toEqual([])
    await clock.advance(0)
    expect(notes).toEqual(['a expired'])
  })

  it('may be used from within the functions it calls', () => {
    const { queue, notes, enter, clock } = noted(1)
    queue.enqueue({
      deadlineMs: clock.now() + 10,
      admit: () => {
        expect(queue.size).toBe(0)
        expect(enter('next')).toBeDefined()
        queue.admitNext()
      },
      expire: () => {},
    })
    queue.admitNext()
    expect(notes).toEqual(['next admitted'])
    expect(queue.size).toBe(0)
  })

  it('does not keep whoever left, although its ticket is kept', () => {
    const { clock, queue, enter } = noted(2)
    const held = enter('held', Number.POSITIVE_INFINITY)
    const tickets: (WaitTicket | undefined)[] = []
    for (let round = 0; round < 10_000; round++) {
      const ticket = enter('passing')
      ticket?.leave()
      tickets.push(ticket)
    }
    expect(tickets).not.toContain(undefined)
    expect(clock.pendingTimers).toBe(0)
    held?.leave()
    // Were those that left still in the list, they would be walked over, or called.
    expect(queue.admitNext()).toBe(false)
  })

  it('hands back those that wait when it closes, and takes nobody any more', async () => {
    const { clock, queue, notes, enter } = noted()
    const entries: WaitEntry[] = ['a', 'b'].map(() => ({
      deadlineMs: clock.now() + 5,
      admit: () => notes.push('admitted'),
      expire: () => notes.push('expired'),
    }))
    const tickets = entries.map((entry) => queue.enqueue(entry))
    expect(queue.close()).toEqual(entries)
    expect(queue.close()).toEqual([])
    expect(enter('c')).toBeUndefined()
    expect(queue.admitNext()).toBe(false)
    for (const ticket of tickets) ticket?.leave()
    expect(queue.size).toBe(0)
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(1_000)
    expect(notes).toEqual([])
  })

  it('agrees with a sorted list', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('enter' as const), value: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ kind: fc.constant('leave' as const), value: fc.nat(40) }),
      fc.record({ kind: fc.constant('admit' as const), value: fc.constant(0) }),
      fc.record({ kind: fc.constant('wait' as const), value: fc.integer({ min: 1, max: 30 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 6 }), (steps, maxSize) => {
        const { clock, queue, notes, enter } = noted(maxSize)
        const tickets: (WaitTicket | undefined)[] = []
        const expected: string[] = []
        let waiting: { readonly id: number; readonly deadlineMs: number }[] = []
        const expire = (): void => {
          const due = waiting.filter(({ deadlineMs }) => deadlineMs <= clock.now())
          due.sort((one, other) => one.deadlineMs - other.deadlineMs || one.id - other.id)
          expected.push(...due.map(({ id }) => `${id} expired`))
          waiting = waiting.filter((entry) => !due.includes(entry))
        }
        for (const { kind, value } of steps) {
          if (kind === 'enter') {
            const id = tickets.length
            const ticket = enter(String(id), value)
            expect(ticket === undefined).toBe(waiting.length >= maxSize)
            if (ticket !== undefined) waiting.push({ id, deadlineMs: clock.now() + value })
            tickets.push(ticket)
          } else if (kind === 'leave') {
            tickets[value]?.leave()
            waiting = waiting.filter(({ id }) => id !== value)
          } else if (kind === 'admit') {
            // Those whose deadline is now are passed over in the order they stand in, up to the first that is admitted.
            let admitted = false
            for (let head = waiting.shift(); head !== undefined; head = waiting.shift()) {
              admitted = head.deadlineMs > clock.now()
              expected.push(`${head.id} ${admitted ? 'admitted' : 'expired'}`)
              if (admitted) break
            }
            expect(queue.admitNext()).toBe(admitted)
          } else {
            clock.advanceSync(value)
            expire()
          }
          expect(queue.size).toBe(waiting.length)
          expect(clock.pendingTimers).toBe(waiting.length)
          expect(notes).toEqual(expected)
        }
        expect(queue.close().map(({ deadlineMs }) => deadlineMs)).toEqual(waiting.map(({ deadlineMs }) => deadlineMs))
        expect(clock.pendingTimers).toBe(0)
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })
})

describe('the options of WaitQueue', () => {
  it.each([
    [{ maxSize: -1 }, 'maxSize', 'an integer in [0, 1000000], got -1 (number)'],
    [{ maxSize: 1.5 }, 'maxSize', 'an integer in [0, 1000000], got 1.5 (number)'],
    [{}, 'maxSize', 'an integer in [0, 1000000], got NaN (number)'],
    [{ maxSize: 1, clock: 5 }, 'clock', 'a Clock with now and setTimeout, got 5 (number)'],
  ])('refuse %j', (options, name, rest) => {
    const build = (): unknown => new WaitQueue(options as unknown as WaitQueueOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(
      expect.objectContaining({ option: `WaitQueue.${name}`, message: `WaitQueue.${name} must be ${rest}` }),
    )
  })

  it('suggest the nearest name for an unknown one', () => {
    expect(() => new WaitQueue({ maxsize: 1 } as unknown as WaitQueueOptions)).toThrow('Did you mean maxSize?')
  })
})
