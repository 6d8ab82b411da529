import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../../base/errors.ts'
import { objectOption } from '../../base/option-table.ts'
import { AnswerWatch, lookIntervalMs, type NoAnswerOptions, noAnswerTable, type Watched } from './answer-watch.ts'
import { Looks } from './looks.ts'

class Subject implements Watched {
  waiting = 0
  movable = 0
  watched = false
  probed = false
  answers = 0
  answersBefore = 0
  silentLooks = 0
  crowdedLooks = 0
  othersBefore = 0

  get awaiting(): number {
    return this.waiting
  }
}

class ObservedWatch {
  readonly clock: FakeClock = new FakeClock()
  readonly a: Subject = new Subject()
  readonly b: Subject = new Subject()
  readonly told: { subject: Subject; forMs: number; atMs: number }[] = []
  readonly looks: Looks
  readonly watch: AnswerWatch<Subject>
  elsewhere = 0
  readonly #startMs: number

  constructor(options: NoAnswerOptions = {}) {
    this.#startMs = this.clock.now()
    this.looks = new Looks(this.clock, lookIntervalMs(options))
    this.watch = new AnswerWatch({
      ...options,
      looks: this.looks,
      waitingElsewhere: () => this.elsewhere,
      onSilent: (subject, forMs) => this.told.push({ subject, forMs, atMs: this.clock.now() - this.#startMs }),
    })
  }

  start(subject: Subject, count = 1): void {
    for (let request = 0; request < count; request++) {
      subject.waiting++
      this.watch.started(subject)
    }
  }

  answer(subject: Subject, latencyMs: number): void {
    subject.answers++
    subject.waiting = Math.max(0, subject.waiting - 1)
    this.watch.answered(latencyMs)
  }

  /** `b` answers every `everyMs` for `forMs`. */
  run(forMs: number, everyMs = 50, latencyMs = everyMs): void {
    for (let passed = 0; passed < forMs; passed += everyMs) {
      this.start(this.b)
      this.clock.advanceSync(everyMs)
      this.answer(this.b, latencyMs)
    }
  }
}

describe('AnswerWatch', () => {
  it('finds an instance that answers nothing while others do, within 500 to 750 ms', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a, 3)
    observed.run(1_000)
    const [first] = observed.told
    expect(first?.subject).toBe(observed.a)
    expect(first?.forMs).toBe(500)
    // A look every 125 ms: the first one at which it is silent may come at once, or 125 ms late.
    expect(first?.atMs).toBeGreaterThanOrEqual(500)
    expect(first?.atMs).toBeLessThanOrEqual(750)
  })

  it('says so again at every look while it lasts, and no longer', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a, 3)
    observed.run(2_000)
    const times = observed.told.map(({ atMs }) => atMs)
    expect(times.length).toBeGreaterThan(5)
    for (const [index, atMs] of times.entries()) if (index > 0) expect(atMs - (times[index - 1] ?? 0)).toBe(125)
    observed.answer(observed.a, 2_000)
    observed.told.length = 0
    observed.start(observed.a)
    observed.run(400)
    expect(observed.told).toEqual([])
  })

  it('finds nothing while nobody else answers either', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a, 10)
    observed.start(observed.b, 10)
    observed.clock.advanceSync(60_000)
    expect(observed.told).toEqual([])
  })

  it('waits until the others gave so many answers that chance does not explain three that wait', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a, 3)
    observed.clock.advanceSync(5_000)
    for (let answer = 0; answer < 8; answer++) observed.answer(observed.b, 1)
    observed.clock.advanceSync(5_000)
    // (1 ÷ 10)³ is not less than 1 in 1 000.
    expect(observed.told).toEqual([])
    observed.answer(observed.b, 1)
    observed.clock.advanceSync(125)
    expect(observed.told).toHaveLength(1)
  })

  it('finds nothing while as large a part of the requests waits elsewhere: they are slow by nature', () => {
    const observed = new ObservedWatch()
    observed.elsewhere = 4
    observed.start(observed.a, 3)
    observed.run(2_000)
    // (5 ÷ 46)³ is more than 1 in 1 000.
    expect(observed.told).toEqual([])
    observed.elsewhere = 1
    observed.run(125)
    expect(observed.told).not.toEqual([])
  })

  it('leaves those to their second try that can be tried elsewhere', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a, 12)
    observed.a.movable = 10
    observed.run(5_000)
    expect(observed.told).toEqual([])
    observed.a.movable = 9
    observed.run(1_000)
    expect(observed.told).not.toEqual([])
  })

  it('concludes nothing from fewer waiting requests than the minimum', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a, 2)
    observed.run(10_000)
    expect(observed.told).toEqual([])
    const strict = new ObservedWatch({ minimumRequests: 1 })
    strict.start(strict.a)
    strict.run(1_000)
    expect(strict.told[0]?.subject).toBe(strict.a)
  })

  it('needs only the one request that tries an instance after its ejection', () => {
    const observed = new ObservedWatch()
    observed.a.probed = true
    observed.start(observed.a)
    observed.run(1_000)
    expect(observed.told[0]?.subject).toBe(observed.a)
    observed.a.probed = false
    observed.told.length = 0
    observed.run(1_000)
    expect(observed.told).toEqual([])
  })

  it('forgets a silence with one answer', () => {
    const observed = new ObservedWatch()
    for (let round = 0; round < 20; round++) {
      observed.start(observed.a, 4)
      observed.run(400)
      observed.answer(observed.a, 400)
      observed.a.waiting = 0
    }
    expect(observed.told).toEqual([])
  })

  it('forgets a silence when nobody waits any more', () => {
    const observed = new ObservedWatch()
    for (let round = 0; round < 20; round++) {
      observed.start(observed.a, 4)
      observed.run(400)
      observed.a.waiting = 0
      observed.run(150)
    }
    expect(observed.told).toEqual([])
  })

  it('waits as long as answers of this service usually take', () => {
    const observed = new ObservedWatch()
    expect(observed.watch.limitMs).toBe(500)
    // From the second answer on there is no deviation: it falls from half the mean by a quarter each time.
    for (let answer = 0; answer < 40; answer++) observed.watch.answered(2_000)
    expect(observed.watch.limitMs).toBeCloseTo(2_000, 0)
    observed.start(observed.a, 3)
    observed.run(1_900, 100, 2_000)
    expect(observed.told).toEqual([])
    observed.run(600, 100, 2_000)
    expect(observed.told[0]?.forMs).toBeGreaterThanOrEqual(2_000)
  })

  it('takes mean + 4 deviations, as TCP does: one answer of 300 ms gives 300 + 4 × 150', () => {
    const { watch } = new ObservedWatch()
    watch.answered(300)
    expect(watch.limitMs).toBe(900)
    // |100 − 300| = 200: deviation 150 + 50 ÷ 4 = 162.5; mean 300 − 200 ÷ 8 = 275.
    watch.answered(100)
    expect(watch.limitMs).toBe(275 + 4 * 162.5)
  })

  it('takes a pause of this process for one look', () => {
    // Timers that fell due during a pause fire once, after it; those of FakeClock fire each at its time.
    const late = new LateClock()
    const told: Subject[] = []
    const a = new Subject()
    const watch = new AnswerWatch<Subject>({
      looks: new Looks(late, 125),
      waitingElsewhere: () => 0,
      onSilent: (subject) => told.push(subject),
    })
    a.waiting = 5
    watch.started(a)
    for (let answer = 0; answer < 10; answer++) watch.answered(5)
    late.pause(60_000)
    expect(told).toEqual([])
    a.answers += 5
    a.waiting = 0
    late.pause(125)
    expect(told).toEqual([])
    expect(late.pending).toBe(0)
  })

  it('has no timer while nothing waits, and none after close', () => {
    const observed = new ObservedWatch()
    expect(observed.clock.pendingTimers).toBe(0)
    observed.start(observed.a)
    expect(observed.clock.pendingTimers).toBe(1)
    expect(observed.clock.pendingForegroundTimers).toBe(0)
    observed.answer(observed.a, 5)
    observed.clock.advanceSync(125)
    expect(observed.clock.pendingTimers).toBe(0)
    observed.start(observed.a)
    observed.looks.close()
    observed.looks.close()
    observed.looks.start()
    expect(observed.clock.pendingTimers).toBe(0)
  })
})

describe('a silence', () => {
  it('is not begun anew by a request that starts meanwhile', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a, 3)
    for (let round = 0; round < 10; round++) {
      observed.start(observed.a)
      observed.run(100)
    }
    expect(observed.told[0]?.subject).toBe(observed.a)
    expect(observed.told[0]?.atMs).toBeLessThanOrEqual(750)
  })

  it('is counted in looks, also where too few wait for a comparison', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a)
    observed.run(500, 125)
    expect([observed.a.silentLooks, observed.a.crowdedLooks, observed.looks.count]).toEqual([4, 0, 4])
  })

  it('is found after a time in which nothing waited', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a)
    observed.answer(observed.a, 50)
    observed.clock.advanceSync(1_000)
    observed.start(observed.a, 3)
    observed.run(1_000)
    expect(observed.told[0]?.subject).toBe(observed.a)
  })

  it('is compared with what was answered elsewhere since it began', () => {
    const observed = new ObservedWatch()
    for (let answer = 0; answer < 100; answer++) observed.watch.answered(50)
    observed.start(observed.a, 3)
    observed.clock.advanceSync(5_000)
    expect(observed.told).toEqual([])
    observed.run(1_000)
    expect(observed.told[0]?.subject).toBe(observed.a)
  })

  it('of a probe ejects as soon as as many requests were answered elsewhere as must wait otherwise', () => {
    const observed = new ObservedWatch()
    observed.a.probed = true
    observed.start(observed.a)
    observed.clock.advanceSync(5_000)
    for (let answer = 0; answer < 2; answer++) observed.watch.answered(50)
    observed.clock.advanceSync(1_000)
    expect(observed.told).toEqual([])
    observed.watch.answered(50)
    observed.clock.advanceSync(125)
    expect(observed.told).toHaveLength(1)
  })

  it('is not emitted after close', () => {
    const observed = new ObservedWatch()
    observed.start(observed.a, 3)
    observed.run(400)
    observed.watch.close()
    observed.run(1_000)
    expect(observed.told).toEqual([])
  })
})

describe('what answers usually take', () => {
  it.each([
    { first: 100, next: 501, slow: 1 },
    { first: 100, next: 500, slow: 0 },
    { first: 100, next: 400, slow: 0 },
    { first: 300, next: 600, slow: 0 },
    { first: 300, next: 601, slow: 1 },
  ])('an answer of $next ms after one of $first ms is slow: $slow', ({ first, next, slow }) => {
    const { watch } = new ObservedWatch()
    watch.answered(first)
    watch.answered(next)
    expect([watch.answers, watch.slowAnswers]).toEqual([2, slow])
  })

  it('is as long as a silence must last, before the first answer', () => {
    expect(new ObservedWatch({ afterMs: 700 }).watch.usualMs).toBe(700)
  })

  it('gives a request the patience of twice the quicker quarter: a step up for one above, three steps down for one below', () => {
    const { watch } = new ObservedWatch()
    watch.answered(1_000)
    expect(watch.patienceMs).toBe(2_000)
    watch.answered(1_000)
    expect(watch.patienceMs).toBeCloseTo(2_000 / 1.1 ** 3, 6)
    watch.answered(2_000)
    expect(watch.patienceMs).toBeCloseTo(2_000 / 1.1 ** 2, 6)
  })
})

/** A clock whose one timer fires late, once, when a pause is over. */
class LateClock {
  #nowMs = 0
  #callback: (() => void) | undefined

  now(): number {
    return this.#nowMs
  }

  setTimeout(callback: () => void): () => void {
    this.#callback = callback
    return () => {
      this.#callback = undefined
    }
  }

  get pending(): number {
    return this.#callback === undefined ? 0 : 1
  }

  pause(ms: number): void {
    this.#nowMs += ms
    const callback = this.#callback
    this.#callback = undefined
    callback?.()
  }
}

describe('noAnswerTable', () => {
  const noAnswerOption = objectOption<NoAnswerOptions>(noAnswerTable, {})

  it.each([false, {}, { afterMs: 10, minimumRequests: 1 }] as const)('passes %j', (options) => {
    noAnswerOption.check('noAnswer', options)
  })

  it.each([
    ['noAnswer', null],
    ['noAnswer', true],
    ['noAnswer.afterMs', { afterMs: 9 }],
    ['noAnswer.afterMs', { afterMs: '500' }],
    ['noAnswer.minimumRequests', { minimumRequests: 0 }],
    ['noAnswer.minimumRequests', { minimumRequests: 1.5 }],
    ['noAnswer.after', { after: 1 }],
  ])('refuses %s in %j', (path, options) => {
    const check = (): void => noAnswerOption.check('noAnswer', options)
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(expect.objectContaining({ option: path, message: expect.stringContaining(path) }))
  })
})
