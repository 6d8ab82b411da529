import { FakeClock, instance, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { AttemptResult, Classification } from '../retry/classification.ts'
import type { HedgePolicy } from '../retry/hedging.ts'
import { Attempt } from './attempt.ts'
import { hedged } from './hedged-attempts.ts'
import { CallScope } from './scope.ts'
import { CallSignal } from './signal.ts'

const policy: HedgePolicy = { delayMs: 100, percentile: 95, maxHedges: 2, minDelayMs: 1 }
type Ending = { readonly afterMs: number; readonly classification?: Classification }

class Fixture {
  readonly clock = new FakeClock()
  readonly signal = new CallSignal()
  readonly scope: CallScope
  readonly begun: number[] = []
  readonly ends: string[] = []
  readonly observed: number[] = []
  readonly discarded: unknown[] = []
  usual: number | undefined
  readonly #endings: readonly Ending[]
  #made = 0

  constructor(...endings: readonly Ending[]) {
    this.#endings = endings
    const { clock, signal } = this
    this.scope = new CallScope({ clock, service: 'users', signal, timeoutMs: Number.POSITIVE_INFINITY })
  }

  newAttempt(): Attempt<number> {
    const number = ++this.#made
    return new Attempt<number>({
      service: 'users',
      clock: this.clock,
      scope: this.scope,
      number,
      previous: [],
      picked: {
        instance: instance(`i${number}`),
        begun: () => {},
        observed: undefined,
        end: ({ ok, cancelled }) => void this.ends.push(`${number} ${cancelled === true ? 'cancelled' : ok}`),
      },
      timeoutMs: Number.POSITIVE_INFINITY,
      loadReports: undefined,
      call: {
        classify: (result: AttemptResult<number>) => {
          const { classification = { ok: true } } = this.#endings[number - 1] as Ending
          return { result, classification: result.ok ? classification : { ok: false, retry: 'never' } }
        },
        discard: (value) => void this.discarded.push(value),
        callbackFailed: () => {},
        canMove: () => false,
        isAccompanied: () => false,
        trySecond: () => false,
        moveOn: () => {},
      },
    })
  }

  run(options: Partial<HedgePolicy> = {}): Promise<{ attempt: Attempt<number> }> {
    const latencies = { quantile: () => this.usual, observe: (ms: number) => void this.observed.push(ms) }
    return hedged(this.newAttempt(), {
      policy: { ...policy, ...options },
      target: { running: this.clock, latencies },
      scope: this.scope,
      run: (attempt) =>
        attempt.run((_instance, { number }) => {
          this.begun.push(number)
          return new Promise((resolve) => {
            this.clock.setTimeout(() => resolve(number), (this.#endings[number - 1] as Ending).afterMs)
          })
        }),
      another: () => (this.#made < this.#endings.length ? this.newAttempt() : undefined),
      isFinal: ({ classification: { ok } }) => ok,
      takesOver: () => false,
    })
  }
}

const failed: Classification = { ok: false, retry: 'idempotent' }

describe('hedged attempts', () => {
  it('give the first that ended well, and report each other one done as cancelled', async () => {
    const fixture = new Fixture({ afterMs: 900 }, { afterMs: 900 }, { afterMs: 50 })
    const settled = fixture.run()
    await fixture.clock.advance(250)
    expect((await settled).attempt.number).toBe(3)
    expect(fixture.ends.sort()).toEqual(['1 cancelled', '2 cancelled'])
    // The winner is the caller's to report.
    await fixture.clock.advance(10_000)
    expect(new Set(fixture.discarded)).toEqual(new Set([1, 2]))
    expect(fixture.clock.pendingTimers).toBe(0)
  })

  it('give the last failure when all fail', async () => {
    const fixture = new Fixture({ afterMs: 150, classification: failed }, { afterMs: 200, classification: failed })
    const settled = fixture.run({ maxHedges: 1 })
    await fixture.clock.advance(1_000)
    expect((await settled).attempt.number).toBe(2)
    expect([fixture.ends, fixture.discarded]).toEqual([['1 false'], [1]])
  })

  it('begin none when the call has ended already', async () => {
    const fixture = new Fixture({ afterMs: 10 }, { afterMs: 10 })
    fixture.signal.abort(new Error('gone'))
    const { attempt } = await fixture.run()
    expect([attempt.number, fixture.begun]).toEqual([1, []])
    expect(fixture.clock.pendingTimers).toBe(0)
  })

  it('stop at maxHedges, and when there is nobody else', async () => {
    for (const [maxHedges, others, expected] of [
      [1, 3, [1, 2]],
      [2, 3, [1, 2, 3]],
      [10, 1, [1, 2]],
    ] as const) {
      const fixture = new Fixture({ afterMs: 2_000 }, ...Array.from({ length: others }, () => ({ afterMs: 3_000 })))
      void fixture.run({ maxHedges })
      await fixture.clock.advance(1_500)
      expect(fixture.begun).toEqual(expected)
    }
  })

  it('wait as long as usual, at least minDelayMs, and send nothing while that is not known', async () => {
    for (const [usual, minDelayMs, expected] of [
      [undefined, 1, [1]],
      [300, 1, [1]],
      [200, 1, [1, 2]],
      [5, 250, [1]],
      [5, 240, [1, 2]],
    ] as const) {
      const fixture = new Fixture({ afterMs: 2_000 }, { afterMs: 2_000 })
      fixture.usual = usual
      void fixture.run({ delayMs: undefined, minDelayMs, maxHedges: 1 })
      await fixture.clock.advance(245)
      expect(fixture.begun).toEqual(expected)
    }
  })

  it('learn from the first attempt only: what it took, or that it took at least so long', async () => {
    const answered = new Fixture({ afterMs: 130 }, { afterMs: 900 })
    void answered.run()
    await answered.clock.advance(2_000)
    const overtaken = new Fixture({ afterMs: 900 }, { afterMs: 40 })
    void overtaken.run()
    await overtaken.clock.advance(2_000)
    const broken = new Fixture({ afterMs: 10, classification: failed })
    void broken.run()
    await broken.clock.advance(2_000)
    await settlePromises()
    expect([answered.observed, overtaken.observed, broken.observed]).toEqual([[130], [140], []])
  })
})
