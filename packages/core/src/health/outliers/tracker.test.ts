import { describe, expect, it } from 'vitest'
import { failingPair, record } from '../../../test/observed-outlier-detector.ts'

describe('runs of failures', () => {
  it.each([
    ['connect', 'consecutive-connect-errors', '5 connect errors in a row'],
    ['server', 'consecutive-server-errors', '5 server errors in a row'],
  ] as const)('of 5 %s errors eject, and no shorter one', (kind, reason, detail) => {
    const { a, ejections, clock } = failingPair()
    record(a, kind, 4)
    expect([a.state, a.ejection]).toEqual(['in', undefined])
    clock.advanceSync(1_000)
    record(a, kind, 1)
    expect(a.state).toBe('ejected')
    expect(a.ejection).toEqual({ id: 'a', reason, detail, enforced: true, forMs: 30_000, times: 1 })
    expect(ejections).toEqual([a.ejection])
    expect(a.sinceMs).toBe(clock.now())
  })

  it.each([['connect'], ['server']] as const)('of %s errors are ended by a success', (kind) => {
    const { a } = failingPair()
    for (let round = 0; round < 10; round++) {
      record(a, kind, 4)
      record(a, 'success', 1)
    }
    expect(a.state).toBe('in')
  })

  it('of either kind are not ended by the other, so that an instance failing in turns is found', () => {
    for (const [first, second] of [
      ['connect', 'server'],
      ['server', 'connect'],
    ] as const) {
      const { a } = failingPair()
      record(a, first, 4)
      record(a, second, 4)
      expect(a.state).toBe('in')
      record(a, first, 1)
      expect(a.state).toBe('ejected')
    }
  })

  it.each([['connect'], ['server']] as const)('of %s errors are forgotten after an interval of silence', (kind) => {
    const { a, clock } = failingPair({ intervalMs: 10_000 })
    record(a, kind, 4)
    clock.advanceSync(10_001)
    record(a, kind, 4)
    expect(a.state).toBe('in')
    clock.advanceSync(3_600_000)
    record(a, kind, 4)
    expect(a.state).toBe('in')
    clock.advanceSync(10_000)
    record(a, kind, 1)
    expect(a.state).toBe('ejected')
  })

  it('last as long as failures keep coming, however slowly within an interval', () => {
    const { a, clock } = failingPair()
    for (let failure = 0; failure < 5; failure++) {
      expect(a.state).toBe('in')
      record(a, 'connect', 1)
      clock.advanceSync(9_999)
    }
    expect(a.state).toBe('ejected')
  })

  it('are forgotten each by its own failures', () => {
    const { a, clock } = failingPair()
    record(a, 'connect', 4)
    clock.advanceSync(6_000)
    record(a, 'server', 4)
    clock.advanceSync(6_000)
    record(a, 'connect', 1)
    expect(a.state).toBe('in')
    record(a, 'server', 1)
    expect(a.ejection?.reason).toBe('consecutive-server-errors')
  })

  it('of connect errors are ended by the head of a good answer, as runs of server errors are', () => {
    const { a } = failingPair()
    for (let round = 0; round < 10; round++) {
      record(a, 'connect', 4)
      record(a, 'server', 4)
      a.answered()
    }
    expect(a.state).toBe('in')
  })

  it('of answers that break off are ended by an answer that is complete, not by the head of another', () => {
    const { a } = failingPair()
    for (let each = 0; each < 4; each++) {
      a.answered()
      a.broke('broken')
    }
    a.answered()
    a.completed()
    for (let each = 0; each < 4; each++) {
      a.answered()
      a.broke('broken')
    }
    expect(a.state).toBe('in')
    a.answered()
    a.broke('broken')
    expect(a.ejection).toMatchObject({ reason: 'consecutive-connect-errors', forMs: 1_000 })
  })

  it('of answers that break off are ended by one call that is good as a whole', () => {
    const { a } = failingPair()
    for (const before of [true, false]) {
      for (let each = 0; each < 4; each++) {
        a.answered()
        a.broke('broken')
      }
      if (before) a.succeeded()
    }
    expect(a.state).toBe('in')
  })

  it('of answers that break off begin with the first, not with connect errors after its head', () => {
    const { a } = failingPair()
    a.answered()
    record(a, 'connect', 4)
    a.broke('broken')
    expect(a.state).toBe('in')
  })

  it('counts a request whose answer breaks off once, whatever the window', () => {
    const { a, clock } = failingPair({ consecutiveConnectErrors: false, failurePercentage: { minimumRequests: 1_000 } })
    for (let each = 0; each < 3; each++) a.answered()
    a.broke('broken')
    expect([a.requests, a.failures]).toEqual([3, 1])
    clock.advanceSync(10_000)
    expect(a.requests).toBe(0)
    a.broke('broken')
    expect([a.requests, a.failures]).toEqual([1, 1])
  })

  it('can have any length, one included, or be turned off', () => {
    const off = failingPair({ consecutiveConnectErrors: false, failurePercentage: false, successRate: false })
    record(off.a, 'connect', 1_000)
    expect(off.a.state).toBe('in')
    expect(off.clock.pendingTimers).toBe(0)
    record(off.a, 'server', 5)
    expect(off.a.state).toBe('ejected')
    const one = failingPair({ consecutiveServerErrors: 1 })
    record(one.a, 'server', 1)
    expect(one.a.ejection?.detail).toBe('1 server error in a row')
  })
})

describe('an ejected instance', () => {
  it('is neither returned nor ejected again by what was sent before', () => {
    const { a, told, clock } = failingPair()
    record(a, 'connect', 5)
    const { ejection } = a
    record(a, 'success', 100)
    record(a, 'server', 100)
    expect(a.suspect('no-answer', 'it hangs')).toBe(false)
    expect([a.state, a.ejection]).toEqual(['ejected', ejection])
    clock.advanceSync(30_000)
    record(a, 'success', 100)
    record(a, 'connect', 100)
    expect([a.state, a.ejection, told]).toEqual(['half-open', ejection, ['a ejected', 'a half-open']])
    for (let each = 0; each < 100; each++) a.broke('broken')
    expect([a.ejection, a.failures, told.length]).toEqual([ejection, 0, 2])
    a.uneject()
    record(a, 'connect', 4)
    expect(a.state).toBe('in')
  })

  it('is not taken for one that a probe tries before its time is over', () => {
    const { a, told } = failingPair()
    record(a, 'connect', 5)
    const { ejection } = a
    for (const result of ['succeeded', 'failed', 'unknown'] as const) a.endProbe(result)
    a.giveUpProbe('it hangs')
    expect([a.state, a.ejection, told]).toEqual(['ejected', ejection, ['a ejected']])
  })

  it('has one timer, in the background, and none once it may be probed', () => {
    const { a, clock } = failingPair({ failurePercentage: false, successRate: false })
    record(a, 'connect', 5)
    expect([clock.pendingTimers, clock.pendingForegroundTimers]).toEqual([1, 0])
    clock.advanceSync(29_999)
    expect([a.state, a.tryProbe()]).toEqual(['ejected', false])
    clock.advanceSync(1)
    expect([a.state, clock.pendingTimers]).toEqual(['half-open', 0])
  })

  it('is back at once when an active check passes, with nothing counted', () => {
    for (const waitMs of [0, 30_000]) {
      const { a, clock, told } = failingPair()
      record(a, 'connect', 5)
      clock.advanceSync(waitMs)
      a.tryProbe()
      a.uneject()
      expect([a.state, a.ejection, a.requests]).toEqual(['in', undefined, 0])
      record(a, 'connect', 4)
      expect(a.state).toBe('in')
      expect(told.at(-1)).toBe('a returned by active-check')
      clock.advanceSync(3_600_000)
      expect([a.state, clock.pendingTimers]).toEqual(['in', 0])
    }
  })

  it('has forgotten the failures of every kind when it is back', () => {
    const { a } = failingPair()
    record(a, 'server', 4)
    record(a, 'connect', 5)
    a.uneject()
    record(a, 'server', 4)
    record(a, 'connect', 4)
    expect(a.state).toBe('in')
  })

  it('does not take a passing check for news when it is in', () => {
    const { a, told } = failingPair()
    record(a, 'connect', 4)
    a.uneject()
    expect(told).toEqual([])
    record(a, 'connect', 1)
    expect(a.state).toBe('ejected')
  })

  it('is ejected at once on suspicion, with the reason given', () => {
    const { a } = failingPair()
    expect(a.suspect('no-answer', '3 requests without an answer')).toBe(true)
    expect(a.ejection).toMatchObject({ reason: 'no-answer', detail: '3 requests without an answer' })
  })
})

describe('an instance is known to refuse connections', () => {
  it.each([
    { failures: ['refused'], refused: false },
    { failures: Array(5).fill('refused'), refused: true },
    { failures: Array(5).fill('broken'), refused: false },
    { failures: Array(5).fill('connect'), refused: false },
    { failures: ['refused', ...Array(5).fill('server')], refused: false },
  ])('after $failures: $refused', ({ failures, refused }) => {
    const { a } = failingPair()
    for (const failure of failures) a.failed(failure)
    expect(a.refused).toBe(refused)
  })

  it('which does not shorten an ejection because of server errors', () => {
    const { a } = failingPair()
    a.failed('refused')
    record(a, 'server', 5)
    expect(a.ejection).toMatchObject({ reason: 'consecutive-server-errors', forMs: 30_000 })
  })
})
