import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import {
  observedOutlierDetector,
  outlierDetector,
  record,
  states,
  type TestedDetectorOptions,
} from '../../../test/observed-outlier-detector.ts'
import type { OutlierTracker } from './tracker.ts'

const statistics: TestedDetectorOptions = { consecutiveConnectErrors: false, consecutiveServerErrors: false }

/** Of each ten requests, so many fail. */
function mixed(tracker: OutlierTracker | undefined, requests: number, failuresOfTen: number): void {
  for (let request = 0; request < requests; request++) {
    if (request % 10 < failuresOfTen) tracker?.failed(request % 2 === 0 ? 'connect' : 'server')
    else tracker?.succeeded()
  }
}

describe('at the end of an interval', () => {
  it('one that failed too often is ejected, though never five times in a row', () => {
    const { trackers, clock, ejections } = observedOutlierDetector(['a', 'b'], { failurePercentage: { threshold: 40 } })
    mixed(trackers[0], 100, 4)
    mixed(trackers[1], 100, 3)
    clock.advanceSync(9_999)
    expect(states(trackers)).toEqual(['in', 'in'])
    clock.advanceSync(1)
    expect(states(trackers)).toEqual(['ejected', 'in'])
    expect(ejections).toEqual([
      expect.objectContaining({
        reason: 'failure-percentage',
        detail: '40 % of 100 requests failed, the limit is 40 %',
      }),
    ])
  })

  it('one far below the others is ejected', () => {
    const { trackers, clock } = observedOutlierDetector(['a', 'b', 'c', 'd', 'e'])
    for (const [index, tracker] of trackers.entries()) mixed(tracker, 100, index === 2 ? 4 : 0)
    clock.advanceSync(10_000)
    expect(states(trackers)).toEqual(['in', 'in', 'ejected', 'in', 'in'])
    expect(trackers[2]?.ejection?.reason).toBe('success-rate')
  })

  it.each([
    [{ failurePercentage: false }, 'success-rate'],
    [{ successRate: false }, 'failure-percentage'],
  ] as const)('with %j an instance is ejected by its %s', (options, reason) => {
    const { trackers, clock } = observedOutlierDetector(['a', 'b', 'c', 'd', 'e'], { ...statistics, ...options })
    for (const [index, tracker] of trackers.entries()) mixed(tracker, 100, index === 2 ? 10 : 0)
    clock.advanceSync(10_000)
    expect(trackers.map(({ ejection }) => ejection?.reason)).toEqual([
      undefined,
      undefined,
      reason,
      undefined,
      undefined,
    ])
  })

  it('the worst are ejected first, as far as the cap goes', () => {
    const { trackers, clock, told } = observedOutlierDetector(['a', 'b', 'c', 'd'], statistics)
    mixed(trackers[0], 100, 9)
    mixed(trackers[1], 100, 10)
    clock.advanceSync(10_000)
    expect(told).toEqual(['b ejected', 'a not ejected: cap'])
  })

  it('of four the dead one is ejected, which its success rate alone would never do', () => {
    const { trackers, clock } = observedOutlierDetector(['a', 'b', 'c', 'd'], {
      ...statistics,
      successRate: { minimumInstances: 1 },
    })
    for (const [index, tracker] of trackers.entries()) mixed(tracker, 200, index === 0 ? 10 : 0)
    clock.advanceSync(10_000)
    expect(trackers[0]?.ejection?.reason).toBe('failure-percentage')
  })

  it('what was counted is forgotten, be it judged or not', () => {
    const { trackers, clock } = observedOutlierDetector(['a', 'b'], statistics)
    for (let interval = 0; interval < 10; interval++) {
      // 49 failures an interval, one less than needed.
      record(trackers[0] as OutlierTracker, 'server', 49)
      clock.advanceSync(10_000)
      expect(trackers[0]?.requests).toBe(0)
    }
    expect(states(trackers)).toEqual(['in', 'in'])
  })

  it('an instance that came back is judged by what it did since', () => {
    const { trackers, clock } = observedOutlierDetector(['a', 'b'], statistics)
    const [a] = trackers
    mixed(a, 49, 10)
    a?.suspect('no-answer', 'it hangs')
    mixed(a, 49, 10)
    a?.uneject()
    mixed(a, 49, 10)
    clock.advanceSync(10_000)
    expect(a?.state).toBe('in')
    mixed(a, 50, 10)
    clock.advanceSync(10_000)
    expect(a?.state).toBe('ejected')
  })

  it('an instance without requests is left alone', () => {
    const { trackers, clock } = observedOutlierDetector(['a', 'b', 'c'], statistics)
    mixed(trackers[0], 500, 0)
    clock.advanceSync(10_000)
    expect(states(trackers)).toEqual(['in', 'in', 'in'])
  })
})

describe('a request that is the only one of its interval', () => {
  it.each([
    ['fails', (tracker: OutlierTracker) => tracker.failed('server')],
    ['breaks off', (tracker: OutlierTracker) => tracker.broke('broken')],
    ['is answered', (tracker: OutlierTracker) => tracker.answered()],
  ])('is forgotten at its end when it %s, and the tracker is not a new one before', (_, request) => {
    const { trackers, clock } = observedOutlierDetector(['a', 'b'])
    const [a] = trackers as [OutlierTracker, OutlierTracker]
    expect(a.isBlank).toBe(true)
    request(a)
    expect([a.requests, a.isBlank]).toEqual([1, false])
    clock.advanceSync(10_000)
    expect(a.requests).toBe(0)
  })

  it('leaves a tracker that emitted an ejection lately, so that it emits no second one', () => {
    const { trackers } = observedOutlierDetector(['a', 'b'], { enforce: false })
    const [a] = trackers as [OutlierTracker, OutlierTracker]
    a.suspect('no-answer', 'it hangs')
    expect([a.state, a.requests, a.isBlank]).toEqual(['in', 0, false])
  })
})

describe('an hour of silence', () => {
  it('leaves nothing counted', () => {
    const { trackers, clock } = observedOutlierDetector(['a', 'b'])
    const [a] = trackers
    record(a as OutlierTracker, 'success', 1)
    record(a as OutlierTracker, 'server', 4)
    record(a as OutlierTracker, 'connect', 4)
    clock.advanceSync(3_600_000)
    expect([a?.requests, a?.failures]).toEqual([0, 0])
    record(a as OutlierTracker, 'server', 4)
    record(a as OutlierTracker, 'connect', 4)
    expect(a?.state).toBe('in')
  })

  it('leaves nothing to judge even where timers stood still meanwhile', () => {
    let nowMs = 0
    const timers = new Set<() => void>()
    const clock = {
      now: () => nowMs,
      setTimeout: (callback: () => void) => {
        timers.add(callback)
        return () => timers.delete(callback)
      },
    }
    const detector = outlierDetector({ ...statistics, clock })
    const [a] = [detector.track('a'), detector.track('b')]
    record(a, 'server', 500)
    nowMs += 3_600_000
    record(a, 'server', 1)
    for (const fire of timers) fire()
    expect([a.state, a.requests]).toEqual(['in', 0])
    detector.close()
  })

  it('drops the trackers of which nothing is left, and no others', () => {
    const dropped: string[] = []
    const { detector, clock, trackers } = observedOutlierDetector(['good', 'failing', 'ejected'], {
      onBlank: ({ id }) => dropped.push(id),
    })
    const [good, failing, ejected] = trackers as [OutlierTracker, OutlierTracker, OutlierTracker]
    record(good, 'success', 10)
    record(failing, 'server', 1)
    record(ejected, 'connect', 5)
    clock.advanceSync(10_000)
    expect(dropped).toEqual(['good'])
    expect(detector.track('good')).not.toBe(good)
    ejected.uneject()
    record(ejected, 'success', 10)
    clock.advanceSync(10_000)
    expect(dropped, 'how often it was ejected is not forgotten').not.toContain('ejected')
    expect([detector.track('failing'), detector.track('ejected')]).toEqual([failing, ejected])
  })

  it('costs nothing: there is no timer without requests', () => {
    const clock = new FakeClock()
    const detectors = Array.from({ length: 1_000 }, () => outlierDetector({ clock }))
    const trackers = detectors.flatMap((detector) => [detector.track('a'), detector.track('b')])
    expect(clock.pendingTimers).toBe(0)
    for (const tracker of trackers) record(tracker, 'success', 10)
    expect([clock.pendingTimers, clock.pendingForegroundTimers]).toEqual([1_000, 0])
    clock.advanceSync(10_000)
    expect(clock.pendingTimers).toBe(0)
    for (const detector of detectors) detector.close()
  })
})
