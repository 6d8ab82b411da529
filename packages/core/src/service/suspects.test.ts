import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { Looks } from '../health/outliers/looks.ts'
import { parseInstance } from '../instance/instance.ts'
import { InstanceRecord } from './record.ts'
import { Suspects } from './suspects.ts'

const intervalMs = 100
const usualMs = 200
/** Two looks are the usual time, and one more because the first may come at once. */
const enoughMs = usualMs + intervalMs

/** A service of so many candidates; the test says which of them a request waits for. */
class Fleet {
  readonly roster = new Map<string, InstanceRecord>()
  readonly #clock = new FakeClock()
  readonly #looks = new Looks(this.#clock, intervalMs)
  readonly #ids: readonly string[]
  readonly #suspects: Suspects

  constructor(size: number) {
    this.#ids = Array.from({ length: size }, (_, number) => `i${number}`)
    for (const id of this.#ids) this.join(id)
    // As the watch over answers does it, which looks first.
    this.#looks.add(() => {
      for (const { answers } of this.roster.values()) if (answers.awaiting > 0) answers.silentLooks++
      return true
    })
    this.#suspects = new Suspects({
      clock: this.#clock,
      looks: this.#looks,
      roster: { records: this.roster },
      usualMs: () => usualMs,
    })
    this.#looks.start()
  }

  get ids(): string[] {
    return [...this.#suspects.ids]
  }

  /** Puts a new record in the place of what had the id. */
  join(id: string): void {
    const record = new InstanceRecord(parseInstance({ id, host: '10.0.0.1', port: 80 }), 0)
    record.isCandidate = true
    this.roster.set(id, record)
  }

  leaveCandidates(...ids: string[]): void {
    for (const record of this.#of(ids)) record.isCandidate = false
  }

  /** From now on a request waits for each of these. */
  send(...ids: string[]): void {
    for (const { answers } of this.#of(ids)) {
      if (answers.awaiting === 0) answers.silentLooks = 0
      answers.awaiting++
      answers.unanswered++
    }
  }

  /** The requests that wait for these end without an answer. */
  giveUp(...ids: string[]): void {
    for (const { answers } of this.#of(ids)) answers.awaiting = 0
  }

  answer(...ids: string[]): void {
    this.giveUp(...ids)
    for (const record of this.#of(ids)) {
      record.answers.unanswered = 0
      this.#suspects.answered(record)
    }
  }

  wait(ms: number): void {
    this.#clock.advanceSync(ms)
  }

  /** Sends requests that are given up once their instance is a suspect; for how long it is one. */
  pauseOf(id: string): number {
    this.send(id)
    this.wait(enoughMs)
    expect(this.ids).toEqual([id])
    this.giveUp(id)
    let pauseMs = 0
    for (; this.ids.length > 0 && pauseMs < 60_000; pauseMs += intervalMs) this.wait(intervalMs)
    return pauseMs
  }

  #of(ids: readonly string[]): InstanceRecord[] {
    return [...this.roster.values()].filter(({ instance }) => ids.includes(instance.id))
  }
}

describe('Suspects', () => {
  it('are instances for which a request waits longer than answers usually take', () => {
    const fleet = new Fleet(3)
    fleet.send('i1')
    fleet.wait(enoughMs - 1)
    expect(fleet.ids).toEqual([])
    fleet.wait(1)
    expect(fleet.ids).toEqual(['i1'])
  })

  it('are none for which no request waits', () => {
    const fleet = new Fleet(3)
    fleet.send('i1')
    fleet.wait(enoughMs - 1)
    fleet.giveUp('i1')
    fleet.wait(10 * enoughMs)
    expect(fleet.ids).toEqual([])
  })

  it('are none from their next answer on', () => {
    const fleet = new Fleet(5)
    fleet.send('i1', 'i2')
    fleet.wait(enoughMs)
    fleet.answer('i1')
    expect(fleet.ids).toEqual(['i2'])
    fleet.wait(intervalMs)
    expect(fleet.ids).toEqual(['i2'])
  })

  it('are picked again after 1 s, and passed over for twice as long each time in vain, up to 16 s', () => {
    const fleet = new Fleet(3)
    const pausesMs = Array.from({ length: 6 }, () => fleet.pauseOf('i1'))
    expect(pausesMs).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000])
  })

  it('are picked again after 1 s although the same request still waits, until the next one waits in vain', () => {
    const fleet = new Fleet(3)
    fleet.send('i1')
    fleet.wait(enoughMs)
    expect(fleet.ids).toEqual(['i1'])
    fleet.wait(1_000)
    expect(fleet.ids).toEqual([])
    fleet.wait(60_000)
    expect(fleet.ids).toEqual([])
    fleet.send('i1')
    fleet.wait(enoughMs - 1)
    expect(fleet.ids).toEqual([])
    fleet.wait(1)
    expect(fleet.ids).toEqual(['i1'])
    fleet.wait(2_000)
    expect(fleet.ids).toEqual([])
  })

  it('begin with 1 s again after an answer', () => {
    const fleet = new Fleet(3)
    expect([fleet.pauseOf('i1'), fleet.pauseOf('i1')]).toEqual([1_000, 2_000])
    fleet.send('i1')
    fleet.answer('i1')
    expect(fleet.pauseOf('i1')).toBe(1_000)
  })

  it.each([
    [5, ['i0', 'i1'], ['i0', 'i1']],
    [5, ['i0', 'i1', 'i2'], []],
    [4, ['i0'], ['i0']],
    [4, ['i0', 'i1'], []],
    [2, ['i0'], []],
    [1, ['i0'], []],
  ])('of %i instances of which %j are silent are %j: none if they are half or more', (size, silent, expected) => {
    const fleet = new Fleet(size)
    fleet.send(...silent)
    fleet.wait(enoughMs)
    expect(fleet.ids).toEqual(expected)
  })

  it('are candidates, and are compared with the candidates alone', () => {
    const fleet = new Fleet(5)
    fleet.leaveCandidates('i3', 'i4')
    fleet.send('i0', 'i4')
    fleet.wait(enoughMs)
    expect(fleet.ids).toEqual(['i0'])
    fleet.send('i0', 'i1')
    fleet.wait(enoughMs)
    expect(fleet.ids).toEqual([])
  })

  it('are not found by requests that waited already when half of all were silent', () => {
    const fleet = new Fleet(4)
    fleet.send('i0', 'i1')
    fleet.wait(enoughMs)
    fleet.answer('i1')
    fleet.wait(20 * enoughMs)
    expect(fleet.ids).toEqual([])
    fleet.giveUp('i0')
    fleet.send('i0')
    fleet.wait(enoughMs)
    expect(fleet.ids).toEqual(['i0'])
  })

  it('are forgotten with their record: a new one of the same id is none', () => {
    const fleet = new Fleet(3)
    fleet.send('i1')
    fleet.wait(enoughMs)
    fleet.join('i1')
    fleet.wait(intervalMs)
    expect(fleet.ids).toEqual([])
  })
})
