import { describe, expect, it } from 'vitest'
import { failingPair, halfOpenPair, record } from '../../test/observed-outlier-detector.ts'

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

  it('counts as failed when it does not end', () => {
    const { a, clock } = halfOpenPair()
    a.tryProbe()
    expect(clock.pendingForegroundTimers).toBe(0)
    clock.advanceSync(29_999)
    expect(a.state).toBe('half-open')
    clock.advanceSync(1)
    expect(a.ejection).toMatchObject({
      reason: 'failed-probe',
      detail: 'the probe did not end within 30000 ms',
      forMs: 60_000,
      times: 2,
    })
  })

  it('has a random limit, so that probes of many processes do not expire together', () => {
    const { a, clock } = halfOpenPair({ jitter: 0.1, random: () => 0.5 })
    a.tryProbe()
    clock.advanceSync(28_500)
    expect(a.state).toBe('ejected')
  })

  it('that ends after it was given up on changes nothing, not even for the next one', () => {
    const { a, clock } = halfOpenPair()
    const { ejection } = a
    a.tryProbe()
    clock.advanceSync(30_000)
    a.endProbe('succeeded', ejection)
    expect(a.state).toBe('ejected')
    clock.advanceSync(60_000)
    a.endProbe('succeeded')
    expect(a.state).toBe('half-open')
    a.tryProbe()
    a.endProbe('succeeded', ejection)
    a.endProbe('failed', ejection)
    a.endProbe('unknown', ejection)
    expect([a.state, a.tryProbe()]).toEqual(['half-open', false])
    a.endProbe('succeeded', a.ejection)
    expect(a.state).toBe('in')
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
