import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { ListRefresh } from './list-refresh.ts'

/** A refresh that notes when it asks; each question is open until it is answered. */
class Asked {
  readonly clock = new FakeClock(0)
  readonly atMs: number[] = []
  readonly refresh: ListRefresh

  constructor(random: () => number = () => 0) {
    const { clock } = this
    this.refresh = new ListRefresh({ maxGapMs: 10_000, clock, random, ask: () => this.atMs.push(clock.now()) })
  }

  /** Answers each question at once with the same list, and has a hint every 10 ms. */
  async doubtFor(durationMs: number, changed = false): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 10) {
      this.refresh.hint()
      await this.clock.advance(10)
      if (this.refresh.asking) this.refresh.answered(changed)
    }
  }
}

describe('a hint', () => {
  it('asks at once, spread over 100 ms', async () => {
    const asked = new Asked(() => 0.5)
    asked.refresh.hint()
    asked.refresh.hint()
    await asked.clock.advance(1_000)
    expect(asked.atMs).toEqual([50])
  })

  it('asks ever more seldom while nothing changes, from half a second to maxGapMs', async () => {
    const asked = new Asked()
    await asked.doubtFor(40_000)
    const gaps = asked.atMs.slice(1).map((atMs, index) => Math.round((atMs - (asked.atMs[index] ?? 0)) / 100) / 10)
    expect(gaps).toEqual([0.5, 1, 2, 4, 8, 10, 10])
  })

  it('asks each half second while the list changes', async () => {
    const asked = new Asked()
    await asked.doubtFor(5_000, true)
    expect(asked.atMs).toHaveLength(11)
  })

  it('asks at once again when the last doubt is long ago', async () => {
    const asked = new Asked()
    await asked.doubtFor(20_000)
    await asked.clock.advance(60_000)
    const before = asked.atMs.length
    await asked.doubtFor(1_010)
    expect(asked.atMs.length - before).toBe(2)
  })

  it('asks nothing while a question is open, and nothing after close', async () => {
    const asked = new Asked()
    asked.refresh.hint()
    await asked.clock.advance(0)
    asked.refresh.hint()
    await asked.clock.advance(60_000)
    expect(asked.atMs).toHaveLength(1)
    asked.refresh.answered(false)
    asked.refresh.hint()
    asked.refresh.close(new Error('closed'))
    expect(asked.clock.pendingTimers).toBe(0)
  })
})

describe('refresh()', () => {
  it('asks at once, and settles with what comes of it', async () => {
    const asked = new Asked(() => 0.5)
    const first = asked.refresh.refresh()
    expect(asked.atMs).toEqual([0])
    asked.refresh.answered(false)
    await first
    await asked.clock.advance(1_000)
    const second = asked.refresh.refresh()
    asked.refresh.failed(new RangeError('down'))
    await expect(second).rejects.toThrow(RangeError)
  })

  it('shares its question with others, half a second after the last one, whatever the gap of hints is', async () => {
    const asked = new Asked()
    await asked.doubtFor(8_000)
    const before = asked.atMs.length
    let settled = 0
    for (let call = 0; call < 100; call++) void asked.refresh.refresh().then(() => settled++)
    asked.refresh.answered(false)
    await asked.clock.advance(500)
    asked.refresh.answered(false)
    await asked.clock.advance(0)
    // The first one asks; that was too soon for those that come after it.
    expect([asked.atMs.length - before, settled]).toEqual([2, 100])
  })

  it('is not content with a question that was asked before', async () => {
    const asked = new Asked()
    asked.refresh.hint()
    await asked.clock.advance(0)
    let settled = false
    void asked.refresh.refresh().then(() => {
      settled = true
    })
    asked.refresh.answered(false)
    await asked.clock.advance(499)
    expect([asked.atMs, settled]).toEqual([[0], false])
    await asked.clock.advance(1)
    asked.refresh.answered(false)
    await asked.clock.advance(0)
    expect([asked.atMs, settled]).toEqual([[0, 500], true])
  })

  it('rejects when it is closed meanwhile', async () => {
    const asked = new Asked()
    const waiting = Promise.allSettled([asked.refresh.refresh(), asked.refresh.refresh()])
    const closed = new Error('closed')
    asked.refresh.close(closed)
    expect(await waiting).toMatchObject([{ reason: closed }, { reason: closed }])
    expect(asked.clock.pendingTimers).toBe(0)
  })
})
