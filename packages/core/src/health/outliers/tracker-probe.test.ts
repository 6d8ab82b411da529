import { describe, expect, it } from 'vitest'
import { failingPair, halfOpenPair, record } from '../../../test/observed-outlier-detector.ts'

describe('the probe', () => {
  it('is exactly one, however many want it', () => {
    const { a } = halfOpenPair()
    expect(Array.from({ length: 1_000 }, () => a.tryProbe()).filter(Boolean)).toHaveLength(1)
    expect(a.state).toBe('half-open')
  })

  it('is not to be had while in or ejected', () => {
    const { a } = failingPair()
    expect(a.tryProbe()).toBe(false)
    record(a, 'connect', 5)
    expect(a.tryProbe()).toBe(false)
  })

  it('brings the instance back with nothing counted when it succeeds', () => {
    const { a, told, clock } = halfOpenPair()
    a.tryProbe()
    clock.advanceSync(10)
    a.endProbe('succeeded')
    expect([a.state, a.ejection, a.sinceMs]).toEqual(['in', undefined, clock.now()])
    expect(told.at(-1)).toBe('a returned by probe')
    expect(a.tryProbe()).toBe(false)
    record(a, 'connect', 4)
    expect(a.state).toBe('in')
  })

  it('ejects for longer when it fails, until the longest', () => {
    const { a, clock, ejections } = halfOpenPair()
    for (let round = 0; round < 12; round++) {
      expect(a.tryProbe()).toBe(true)
      a.endProbe('failed')
      expect(a.state).toBe('ejected')
      clock.advanceSync(a.ejection?.forMs ?? 0)
      expect(a.state).toBe('half-open')
    }
    const lengths = ejections.map(({ forMs }) => forMs / 1_000)
    expect(lengths).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300])
    expect(ejections.at(-1)).toMatchObject({ reason: 'failed-probe', detail: 'the probe failed', times: 10 })
  })

  it('may be taken again when its caller went away', () => {
    const { a, clock } = halfOpenPair()
    a.tryProbe()
    a.endProbe('unknown')
    expect([a.state, clock.pendingTimers]).toEqual(['half-open', 0])
    expect([a.tryProbe(), a.tryProbe()]).toEqual([true, false])
  })

  it('keeps its place as long as it takes: that is no verdict', () => {
    const { a, clock, ejections } = halfOpenPair()
    a.tryProbe()
    expect(clock.pendingTimers).toBe(0)
    clock.advanceSync(3_600_000)
    expect([a.state, a.tryProbe(), ejections.length]).toEqual(['half-open', false, 1])
    a.endProbe('succeeded', a.ejection)
    expect(a.state).toBe('in')
  })

  it('fails when it is given up on, and brings the instance back when its answer comes all the same', () => {
    const { a, clock, ejections, told } = halfOpenPair()
    const probed = a.ejection
    a.tryProbe()
    a.giveUpProbe('no answer for 500 ms, while others answer')
    expect(ejections.at(-1)).toMatchObject({
      reason: 'failed-probe',
      detail: 'no answer for 500 ms, while others answer',
      forMs: 60_000,
      times: 2,
    })
    a.endProbe('failed', probed)
    a.endProbe('unknown', probed)
    expect(a.state).toBe('ejected')
    clock.advanceSync(20_000)
    a.endProbe('succeeded', probed)
    expect([a.state, a.ejection]).toEqual(['in', undefined])
    expect(told.at(-1)).toBe('a returned by probe')
    expect(clock.pendingTimers).toBe(0)
  })

  it('that was given up on changes nothing once another failed', () => {
    const { a, clock } = halfOpenPair()
    const given = a.ejection
    a.tryProbe()
    a.giveUpProbe('it hangs')
    clock.advanceSync(60_000)
    a.tryProbe()
    for (const result of ['failed', 'unknown'] as const) a.endProbe(result, given)
    expect([a.state, a.tryProbe()]).toEqual(['half-open', false])
    a.endProbe('failed', a.ejection)
    a.endProbe('succeeded', given)
    expect(a.state).toBe('ejected')
  })

  it('is not given up on when there is none', () => {
    const { a } = halfOpenPair()
    a.giveUpProbe('it hangs')
    expect(a.state).toBe('half-open')
    a.uneject()
    a.giveUpProbe('it hangs')
    expect(a.state).toBe('in')
  })
})

describe('an ejection after connections that failed at once', () => {
  /** Probes at once whenever that may be, for `forMs`; gives the lengths of the ejections and when it probed. */
  function outage(forMs: number, failure: 'refused' | 'broken'): { lengths: number[]; probes: number[] } {
    const { a, clock, ejections } = failingPair()
    const startMs = clock.now()
    for (let each = 0; each < 5; each++) a.failed(failure)
    const probes: number[] = []
    for (;;) {
      clock.advanceSync(a.ejection?.forMs ?? 0)
      const afterMs = clock.now() - startMs
      probes.push(afterMs)
      if (afterMs >= forMs) return { lengths: ejections.map((ejection) => ejection.forMs), probes }
      a.tryProbe()
      a.endProbe('failed', a.ejection, failure)
    }
  }

  it.each(['refused', 'broken'] as const)('(%s) begins at a second and grows to an eighth of the outage', (failure) => {
    const { lengths } = outage(3_600_000, failure)
    expect(lengths.slice(0, 9)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000])
    expect(lengths.every((length, index) => length >= (lengths[index - 1] ?? 0))).toBe(true)
    expect(lengths.at(-1)).toBe(300_000)
  })

  it.each([1_500, 10_000, 60_000, 600_000])('is over at most an eighth after an outage of %i ms', (forMs) => {
    const { probes } = outage(forMs, 'refused')
    expect((probes.at(-1) as number) - forMs).toBeLessThanOrEqual(Math.max(1_000, forMs / 8))
  })

  it('is longer each time it follows soon on another', () => {
    const { a } = failingPair()
    const lengths = [1, 2, 3].map(() => {
      for (let each = 0; each < 5; each++) a.failed('refused')
      const forMs = a.ejection?.forMs
      a.uneject()
      return forMs
    })
    expect(lengths).toEqual([1_000, 2_000, 3_000])
  })

  it('stays short when the instance answers with a server error first, as one that starts does', () => {
    const { a, clock } = failingPair()
    for (let each = 0; each < 5; each++) a.failed('refused')
    clock.advanceSync(1_000)
    a.tryProbe()
    a.endProbe('failed', a.ejection)
    expect(a.ejection).toMatchObject({ reason: 'failed-probe', forMs: 1_000, times: 1 })
    expect(a.refused).toBe(true)
  })

  it('is of the usual length when a probe fails by waiting in vain, and short again when it is refused', () => {
    const { a, clock } = failingPair()
    for (let each = 0; each < 5; each++) a.failed('refused')
    clock.advanceSync(1_000)
    a.tryProbe()
    a.endProbe('failed', a.ejection, 'connect')
    expect(a.ejection?.forMs).toBe(60_000)
    expect(a.refused).toBe(false)
    clock.advanceSync(60_000)
    a.tryProbe()
    a.endProbe('failed', a.ejection, 'refused')
    expect(a.ejection?.forMs).toBe(61_000 / 8)
    expect(a.refused).toBe(true)
  })

  it('is known to be refused once a probe is, whatever took it out', () => {
    const { a, clock } = failingPair()
    for (let each = 0; each < 5; each++) a.failed('broken')
    clock.advanceSync(1_000)
    a.tryProbe()
    a.endProbe('failed', a.ejection, 'refused')
    expect(a.refused).toBe(true)
  })

  it('is never longer than others are', () => {
    const { a } = failingPair({ baseEjectionMs: 200 })
    for (let each = 0; each < 5; each++) a.failed('refused')
    expect(a.ejection?.forMs).toBe(200)
  })

  it('is what the last failure of a run says', () => {
    const { a } = failingPair()
    for (let each = 0; each < 4; each++) a.failed('connect')
    a.failed('refused')
    expect(a.ejection?.forMs).toBe(1_000)
    a.uneject()
    for (let each = 0; each < 4; each++) a.failed('refused')
    a.failed('connect')
    expect(a.ejection?.forMs).toBe(60_000)
  })
})

describe('the multiplier', () => {
  it('falls by one for each interval in use', () => {
    const { a, clock } = halfOpenPair({ baseEjectionMs: 1_000 })
    for (let round = 0; round < 3; round++) {
      a.tryProbe()
      a.endProbe('failed')
      clock.advanceSync(a.ejection?.forMs ?? 0)
      clock.advanceSync(60_000)
      expect(a.timesEjected).toBe(round + 2)
    }
    a.tryProbe()
    a.endProbe('succeeded')
    const seen = Array.from({ length: 6 }, () => {
      const before = a.timesEjected
      clock.advanceSync(9_999)
      expect(a.timesEjected).toBe(before)
      clock.advanceSync(1)
      return a.timesEjected
    })
    expect(seen).toEqual([3, 2, 1, 0, 0, 0])
  })

  it('makes the next ejection longer as long as it has not fallen', () => {
    const { a, clock } = halfOpenPair()
    a.uneject()
    record(a, 'connect', 5)
    expect(a.ejection).toMatchObject({ times: 2, forMs: 60_000 })
    a.uneject()
    clock.advanceSync(10_000)
    record(a, 'connect', 5)
    expect(a.ejection).toMatchObject({ times: 2, forMs: 60_000 })
    a.uneject()
    clock.advanceSync(20_000)
    record(a, 'connect', 5)
    expect(a.ejection).toMatchObject({ times: 1, forMs: 30_000 })
  })

  it('does not fall while only the cap keeps the instance in', () => {
    const { a, clock, trackers, ejections } = halfOpenPair()
    a.uneject()
    trackers[1]?.suspect('no-answer', 'it hangs')
    record(a, 'connect', 5)
    for (let failure = 0; failure < 100; failure++) {
      clock.advanceSync(9_000)
      record(a, 'connect', 1)
    }
    expect(a.timesEjected).toBe(1)
    expect(ejections.at(-1)).toMatchObject({ id: 'a', enforced: false, times: 1 })
    clock.advanceSync(10_000)
    expect(a.timesEjected).toBe(0)
  })

  it('does not fall while the instance is out, whatever was before', () => {
    const { a, clock, trackers } = failingPair()
    const [, b] = trackers
    b?.suspect('no-answer', 'it hangs')
    record(a, 'connect', 5)
    b?.uneject()
    record(a, 'connect', 1)
    expect([a.state, a.timesEjected]).toEqual(['ejected', 1])
    clock.advanceSync(30_000)
    a.uneject()
    expect(a.timesEjected).toBe(1)
  })

  it('does not rise again by an ejection that is not enforced', () => {
    const { a, clock, trackers } = halfOpenPair()
    a.tryProbe()
    a.endProbe('failed')
    a.uneject()
    expect(a.timesEjected).toBe(2)
    clock.advanceSync(10_000)
    trackers[1]?.suspect('no-answer', 'it hangs')
    record(a, 'connect', 5)
    expect([a.state, a.timesEjected]).toEqual(['in', 1])
  })

  it('lets the longest ejection be reached when it is no multiple of the base', () => {
    const { a, ejections } = failingPair({ baseEjectionMs: 40_000, maxEjectionMs: 100_000 })
    for (let round = 0; round < 4; round++) {
      a.suspect('no-answer', 'it hangs')
      a.uneject()
    }
    expect(ejections.map(({ forMs }) => forMs)).toEqual([40_000, 80_000, 100_000, 100_000])
  })

  it('lets an ejection be as long as the base, even when the longest is shorter', () => {
    const { a } = failingPair({ baseEjectionMs: 60_000, maxEjectionMs: 1_000 })
    a.suspect('no-answer', 'it hangs')
    expect(a.ejection).toMatchObject({ forMs: 60_000, times: 1 })
  })
})
