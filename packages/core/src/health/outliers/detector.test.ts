import { FakeClock, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { observedOutlierDetector, outlierDetector, record, states } from '../../../test/observed-outlier-detector.ts'
import { fiveDeviations } from '../../../test/tolerance.ts'
import type { OutlierDetector } from './detector.ts'

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `i${index}`)
}

function countOut(trackers: Parameters<typeof states>[0]): number {
  return states(trackers).filter((state) => state !== 'in').length
}

describe('the cap', () => {
  // Envoy's percentage alone ejects nothing below 10 instances.
  it.each([
    [10, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]],
    [34, [0, 1, 1, 1, 1, 2, 2, 2, 3, 3]],
    [50, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]],
    [0.1, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
    [100, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])('of %d %% lets so many of 1, 2, 3 … instances be ejected when all fail', (maxEjectionPercent, expected) => {
    const ejected = expected.map((_, index) => {
      const { trackers } = observedOutlierDetector(ids(index + 1), { maxEjectionPercent })
      for (let round = 0; round < 20; round++) for (const tracker of trackers) tracker.failed('connect')
      return countOut(trackers)
    })
    expect(ejected).toEqual(expected)
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('of %i instances keeps at least one, by every detector', (size) => {
    const { trackers, clock } = observedOutlierDetector(ids(size), { maxEjectionPercent: 100 })
    for (const tracker of trackers) tracker.suspect('no-answer', 'it hangs')
    expect(countOut(trackers)).toBe(size - 1)
    const counted = observedOutlierDetector(ids(size), { consecutiveServerErrors: false, maxEjectionPercent: 100 })
    for (const tracker of counted.trackers) record(tracker, 'server', 100)
    counted.clock.advanceSync(10_000)
    expect(countOut(counted.trackers)).toBe(size - 1)
    clock.advanceSync(3_600_000)
    expect(countOut(trackers), 'half-open ones are out as well').toBe(size - 1)
  })

  it('says why somebody stays in, once for each instance and interval', () => {
    const { trackers, clock, told } = observedOutlierDetector(['a', 'b', 'c'], { failurePercentage: false })
    const [a, b, c] = trackers
    for (let round = 0; round < 50; round++) for (const tracker of trackers) tracker.failed('connect')
    expect(told).toEqual(['a ejected', 'b not ejected: cap', 'c not ejected: cap'])
    clock.advanceSync(9_999)
    b?.failed('connect')
    c?.suspect('no-answer', 'it hangs')
    expect(told).toHaveLength(3)
    clock.advanceSync(1)
    b?.failed('connect')
    expect(told.slice(3)).toEqual(['b not ejected: cap'])
    expect(states([a, b, c].filter((tracker) => tracker !== undefined))).toEqual(['ejected', 'in', 'in'])
  })

  it.each([
    ['comes back', (first: { uneject(): void }) => first.uneject()],
    ['is removed', (_: unknown, detector: OutlierDetector) => detector.untrack('i0')],
  ])('lets the next failure eject who is still failing, when one %s', (_, free) => {
    const { detector, trackers } = observedOutlierDetector(ids(4))
    const [first, second, third] = trackers
    if (first === undefined || second === undefined || third === undefined) throw new Error('four instances')
    record(first, 'connect', 5)
    record(second, 'connect', 6)
    record(third, 'connect', 4)
    free(first, detector)
    expect(second.state).toBe('in')
    record(second, 'connect', 1)
    expect(second.ejection?.detail).toBe('7 connect errors in a row')
    record(third, 'connect', 1)
    expect(third.state).toBe('in')
  })

  it('counts what the caller calls usable, and never takes the last of those', () => {
    let usable = 2
    const options = { maxEjectionPercent: 100, usable: () => usable }
    const { trackers, told } = observedOutlierDetector(ids(10), options)
    expect(trackers[0]?.suspect('no-answer', 'it hangs')).toBe(true)
    for (usable of [1, 0, Number.NaN]) expect(trackers[1]?.suspect('no-answer', 'it hangs')).toBe(false)
    expect(told).toEqual(['i0 ejected', 'i1 not ejected: last-usable'])
    usable = 2
    expect(trackers[1]?.suspect('no-answer', 'it hangs')).toBe(true)
  })

  it('is not fooled by a caller who calls an ejected one usable', () => {
    const { trackers } = observedOutlierDetector(['a', 'b'], { maxEjectionPercent: 100, usable: () => 2 })
    for (const tracker of trackers) tracker.suspect('no-answer', 'it hangs')
    expect(states(trackers)).toEqual(['ejected', 'in'])
  })

  it('ejects nobody, and tells all the same, when it does not enforce', () => {
    const { trackers, ejections, clock } = observedOutlierDetector(ids(3), { enforce: false, failurePercentage: false })
    for (const tracker of trackers) record(tracker, 'server', 5)
    expect(states(trackers)).toEqual(['in', 'in', 'in'])
    expect(ejections).toHaveLength(3)
    expect(ejections[0]).toEqual({
      id: 'i0',
      reason: 'consecutive-server-errors',
      detail: '5 server errors in a row',
      enforced: false,
      unenforcedBecause: 'not-enforcing',
      forMs: 0,
      times: 0,
    })
    clock.advanceSync(10_000)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('removing instances', () => {
  it('brings back those that were out the longest, when too many would be', () => {
    const { detector, trackers, told } = observedOutlierDetector(ids(20))
    for (const tracker of [trackers[7], trackers[3]]) tracker?.suspect('no-answer', 'it hangs')
    detector.untrack('i19')
    expect(states(trackers).filter((state) => state === 'ejected')).toHaveLength(1)
    expect(told).toEqual(['i7 ejected', 'i3 ejected', 'i7 returned by removed-cap'])
  })

  it('brings back the last one', () => {
    for (const waitMs of [0, 30_000]) {
      const { detector, trackers, clock } = observedOutlierDetector(['a', 'b'])
      trackers[0]?.suspect('no-answer', 'it hangs')
      clock.advanceSync(waitMs)
      trackers[0]?.tryProbe()
      detector.untrack('b')
      expect(trackers[0]?.state).toBe('in')
      trackers[0]?.endProbe('failed')
      expect([trackers[0]?.state, clock.pendingTimers]).toEqual(['in', 0])
    }
  })

  it('forgets ejection, timer and probe, and whatever is reported late', () => {
    const { detector, trackers, clock, told } = observedOutlierDetector(['a', 'b', 'c'], {
      consecutiveConnectErrors: 1,
    })
    const [a] = trackers
    a?.failed('connect')
    clock.advanceSync(30_000)
    expect(a?.tryProbe()).toBe(true)
    detector.untrack('a')
    detector.untrack('a')
    detector.untrack('nobody')
    a?.endProbe('failed')
    a?.failed('connect')
    a?.succeeded()
    a?.uneject()
    expect([a?.suspect('no-answer', ''), a?.tryProbe(), a?.state, a?.ejection]).toEqual([false, false, 'in', undefined])
    expect([told, clock.pendingTimers]).toEqual([['a ejected', 'a half-open'], 0])
    const again = detector.track('a')
    expect(again).not.toBe(a)
    expect([again.timesEjected, again.sinceMs]).toEqual([0, clock.now()])
    expect(detector.track('a')).toBe(again)
  })

  it('forgets what was counted of it', () => {
    const { detector, trackers } = observedOutlierDetector(['a', 'b'])
    for (const tracker of trackers) record(tracker, 'server', 3)
    detector.untrack('a')
    expect(trackers.map(({ requests, failures }) => [requests, failures])).toEqual([
      [0, 0],
      [3, 3],
    ])
  })

  it('makes room for another ejection', () => {
    const { detector, trackers } = observedOutlierDetector(ids(4))
    trackers[0]?.suspect('no-answer', 'it hangs')
    detector.untrack('i0')
    expect(trackers[1]?.suspect('no-answer', 'it hangs')).toBe(true)
  })
})

describe('without a listener', () => {
  it('instances are ejected, probed and return all the same, whether it enforces or not', () => {
    const clock = new FakeClock()
    const detector = outlierDetector({ clock, jitter: 0 })
    const [a, b] = [detector.track('a'), detector.track('b')]
    expect([a.suspect('no-answer', 'it hangs'), b.suspect('no-answer', 'it hangs')]).toEqual([true, false])
    clock.advanceSync(30_000)
    expect([a.tryProbe(), b.state]).toEqual([true, 'in'])
    a.endProbe('succeeded')
    expect(a.state).toBe('in')
  })
})

describe('closing', () => {
  it('is possible when nothing is judged by what is counted', () => {
    const { detector, trackers } = observedOutlierDetector(ids(2), { failurePercentage: false, successRate: false })
    detector.close()
    record(trackers[0] ?? detector.track('i0'), 'connect', 5)
    expect(states(trackers)).toEqual(['in', 'in'])
  })

  it('leaves no timer, and lets none start', () => {
    const { detector, trackers, clock, told } = observedOutlierDetector(ids(30))
    for (const tracker of trackers) record(tracker, 'server', 6)
    clock.advanceSync(30_000)
    trackers[0]?.tryProbe()
    trackers[0]?.endProbe('failed')
    trackers[1]?.failed('server')
    expect(clock.pendingTimers).toBeGreaterThan(0)
    detector.close()
    detector.close()
    const before = told.length
    for (const tracker of [...trackers, detector.track('i0'), detector.track('new')]) {
      record(tracker, 'server', 100)
      tracker.succeeded()
      tracker.suspect('no-answer', 'it hangs')
      tracker.tryProbe()
      tracker.endProbe('failed')
      tracker.uneject()
      expect(tracker.state).toBe('in')
    }
    clock.advanceSync(3_600_000)
    expect([clock.pendingTimers, told.length]).toEqual([0, before])
  })
})

describe('recovery', () => {
  it('comes at different times in processes with the same history', () => {
    const processes = 2_000
    const returns: number[] = []
    for (let seed = 0; seed < processes; seed++) {
      const clock = new FakeClock(0)
      const detector = outlierDetector({ clock, random: seededRandom(seed) })
      const [a] = [detector.track('a'), detector.track('b')]
      record(a, 'connect', 5)
      returns.push(a.ejection?.forMs ?? 0)
      detector.close()
    }
    expect(Math.max(...returns)).toBeLessThanOrEqual(30_000)
    expect(Math.min(...returns)).toBeGreaterThanOrEqual(27_000)
    // Even over 3 s: a tenth in each 300 ms, give or take five deviations of a fair draw.
    for (let slot = 0; slot < 10; slot++) {
      const inSlot = returns.filter((ms) => Math.floor((ms - 27_000) / 300) === slot).length
      expect(Math.abs(inSlot - processes / 10)).toBeLessThan(fiveDeviations(processes, 0.1))
    }
  })

  it('sends one request, not a herd, to an instance that is still dead', () => {
    const { trackers, clock } = observedOutlierDetector(ids(3))
    const [a] = trackers
    if (a === undefined) throw new Error('three instances')
    record(a, 'connect', 5)
    let requests = 0
    // A hundred requests each second for half an hour, all of which would rather go to a.
    for (let second = 0; second < 1_800; second++) {
      clock.advanceSync(1_000)
      for (let request = 0; request < 100; request++) {
        if (a.state === 'in') throw new Error('it is still dead')
        if (!a.tryProbe()) continue
        requests++
        a.endProbe('failed')
      }
    }
    // 30 + 60 + … + 300 s are 1 650 s, so the tenth probe is the last within 1 800.
    expect(requests).toBe(10)
  })
})
