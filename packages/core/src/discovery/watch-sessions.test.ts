import { FakeClock, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'
import type { DiscoveryObserver } from './discovery.ts'
import {
  type RunWatchSession,
  type WatchSession,
  type WatchSessionsOptions,
  watchInSessions,
} from './watch-sessions.ts'

/** An observer that notes what it is told. */
class Notes implements DiscoveryObserver {
  readonly lists: (readonly ServiceInstanceInit[])[] = []
  readonly errors: unknown[] = []
  next(list: readonly ServiceInstanceInit[]): void {
    this.lists.push(list)
  }
  error(cause: unknown): void {
    this.errors.push(cause)
  }
}

/** A session that is still running, and how it may end. */
interface Running extends WatchSession {
  readonly end: () => void
  readonly fail: (cause: unknown) => void
}

interface Watched {
  readonly clock: FakeClock
  readonly notes: Notes
  /** When each session began. */
  readonly beganAtMs: number[]
  readonly sessions: Running[]
  /** The latest session. */
  readonly latest: () => Running
  readonly close: () => void
}

/** Watches with sessions that end when the test says so; delays are as long as they may be. */
function watched(options: WatchSessionsOptions = {}, observer: Notes = new Notes()): Watched {
  const clock = new FakeClock(0)
  const beganAtMs: number[] = []
  const sessions: Running[] = []
  const run: RunWatchSession = (_service, session) => {
    beganAtMs.push(clock.now())
    return new Promise((resolve, reject) => {
      sessions.push({ ...session, end: resolve, fail: reject })
    })
  }
  const subscription = watchInSessions(run, { random: () => 1, clock, ...options })('users', observer)
  return {
    clock,
    notes: observer,
    beganAtMs,
    sessions,
    latest: () => sessions.at(-1) as Running,
    close: () => subscription.close(),
  }
}

/** Fails every session as soon as it begins, for `durationMs`. */
async function failing(options: WatchSessionsOptions, durationMs: number, cause: unknown): Promise<number[]> {
  const clock = new FakeClock(0)
  const beganAtMs: number[] = []
  const run = (): Promise<void> => {
    beganAtMs.push(clock.now())
    return Promise.reject(cause)
  }
  const subscription = watchInSessions(run, { random: () => 1, clock, ...options })('users', new Notes())
  await clock.advance(durationMs)
  subscription.close()
  expect(clock.pendingTimers).toBe(0)
  return beganAtMs
}

const delaysOf = (beganAtMs: readonly number[]): number[] =>
  beganAtMs.slice(1).map((atMs, index) => atMs - (beganAtMs[index] as number))

describe('a session', () => {
  it('begins at once, for its service, and passes on lists and errors', () => {
    const { notes, sessions, latest, beganAtMs } = watched()
    expect(beganAtMs).toEqual([0])
    latest().next(['a:1'])
    latest().error('hiccup')
    latest().next(['b:1'])
    expect(notes.lists).toEqual([['a:1'], ['b:1']])
    expect(notes.errors).toEqual(['hiccup'])
    expect(sessions).toHaveLength(1)
  })

  it('makes one list of a burst of changes, at the pace of the options', () => {
    const { notes, latest, clock } = watched({ paceMs: 200 })
    for (let count = 1; count <= 5; count++) latest().changed(() => [`a:${count}`])
    expect(notes.lists).toEqual([['a:1']])
    clock.advanceSync(199)
    expect(notes.lists).toHaveLength(1)
    clock.advanceSync(1)
    expect(notes.lists).toEqual([['a:1'], ['a:5']])
    expect(clock.pendingTimers).toBe(0)
  })

  it('passes on the list that waits before an error and before its end', async () => {
    const { notes, latest, clock, close } = watched()
    const order: string[] = []
    notes.next = (list) => void order.push(list.map((each) => (typeof each === 'string' ? each : each.host)).join())
    notes.error = (cause) => void order.push(String(cause))
    for (const list of ['a:1', 'b:1']) latest().changed(() => [list])
    latest().error('hiccup')
    latest().changed(() => ['c:1'])
    latest().fail('broken')
    await clock.advance(0)
    expect(order).toEqual(['a:1', 'b:1', 'hiccup', 'c:1', 'broken'])
    close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('passes on as an error that a list cannot be made, and goes on', () => {
    const { notes, latest, clock, close } = watched()
    latest().changed(() => {
      throw new Error('which port?')
    })
    latest().changed(() => ({ instances: ['a:1'], rejected: [] }))
    clock.advanceSync(100)
    expect([notes.errors, notes.lists]).toMatchObject([[{ message: 'which port?' }], [['a:1']]])
    latest().changed(() => ['b:1'])
    close()
    clock.advanceSync(1_000)
    expect([notes.lists.length, clock.pendingTimers]).toEqual([1, 0])
  })

  it('is one at a time, and none begins while it lasts', async () => {
    const { clock, sessions } = watched()
    await clock.advance(86_400_000)
    expect(sessions).toHaveLength(1)
    expect(clock.pendingTimers).toBe(0)
  })

  it('that ends after a good while is followed by another one at once, without an error', async () => {
    const { clock, beganAtMs, latest, notes } = watched()
    await clock.advance(5_000)
    latest().end()
    await clock.advance(0)
    expect(beganAtMs).toEqual([0, 5_000])
    expect(notes.errors).toEqual([])
  })

  it('is not heard any more once it has ended, and its signal is aborted', async () => {
    const { clock, sessions, notes, latest } = watched()
    const [first] = sessions as [Running]
    await clock.advance(5_000)
    first.end()
    await clock.advance(0)
    expect(first.signal.aborted).toBe(true)
    first.next(['late:1'])
    first.error('late')
    latest().next(['a:1'])
    expect(notes.lists).toEqual([['a:1']])
    expect(notes.errors).toEqual([])
    expect(latest().signal.aborted).toBe(false)
  })

  it('is not heard any more once it has failed', async () => {
    const { clock, notes, latest } = watched()
    latest().fail('down')
    await clock.advance(0)
    latest().next(['late:1'])
    latest().error('late')
    expect([notes.lists, notes.errors]).toEqual([[], ['down']])
  })
})

describe('a session that ends too soon', () => {
  it('counts as a failure, so that no hot loop comes of it', async () => {
    const { clock, beganAtMs, latest, notes } = watched()
    for (const delayMs of [1_000, 2_000, 4_000]) {
      latest().end()
      await clock.advance(delayMs)
    }
    expect(delaysOf(beganAtMs)).toEqual([1_000, 2_000, 4_000])
    expect(notes.errors).toEqual([])
  })

  it('is told apart by stableAfterMs', async () => {
    const { clock, beganAtMs, latest } = watched({ stableAfterMs: 100 })
    await clock.advance(99)
    latest().end()
    await clock.advance(1_000)
    await clock.advance(100)
    latest().end()
    await clock.advance(0)
    expect(delaysOf(beganAtMs)).toEqual([1_099, 100])
  })
})

describe('after a failure', () => {
  it('the next session begins later and later, up to retryMaxMs, and each failure is told', async () => {
    const { clock, beganAtMs, latest, notes } = watched({ retryMinMs: 100, retryMaxMs: 700 })
    for (let count = 0; count < 6; count++) {
      latest().fail(count)
      await clock.advance(700)
    }
    const backoffs = await failing({ retryMinMs: 100, retryMaxMs: 700 }, 3_000, 'down')
    expect(delaysOf(backoffs)).toEqual([100, 200, 400, 700, 700, 700])
    expect(notes.errors).toEqual([0, 1, 2, 3, 4, 5])
    expect(beganAtMs).toHaveLength(7)
  })

  it('delays double from 1 s to 30 s by default, and stay there', async () => {
    const delays = delaysOf(await failing({}, 3_600_000, 'down'))
    expect(delays.slice(0, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    expect(Math.max(...delays)).toBe(30_000)
  })

  it('delays are spread over the whole of the backoff', async () => {
    const random = seededRandom(1)
    const delays = delaysOf(await failing({ random, retryMinMs: 1_000, retryMaxMs: 1_000 }, 500_000, 'down'))
    expect(delays.length).toBeGreaterThan(500)
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000)
    for (const tenth of [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]) {
      expect(delays.some((delay) => delay >= tenth && delay < tenth + 100)).toBe(true)
    }
  })

  it('a session that lasted makes the failures before it forgotten', async () => {
    const { clock, beganAtMs, latest } = watched()
    for (const delayMs of [1_000, 2_000, 4_000]) {
      latest().fail('down')
      await clock.advance(delayMs)
    }
    await clock.advance(5_000)
    latest().fail('down')
    await clock.advance(1_000)
    expect(delaysOf(beganAtMs)).toEqual([1_000, 2_000, 4_000, 6_000])
  })

  it('that was thrown and not rejected all is the same', async () => {
    const clock = new FakeClock(0)
    const notes = new Notes()
    let begun = 0
    const run = (): Promise<void> => {
      begun++
      throw new Error('thrown')
    }
    const subscription = watchInSessions(run, { clock, random: () => 1 })('users', notes)
    await clock.advance(1_000)
    expect(begun).toBe(2)
    expect(notes.errors.map(String)).toEqual(['Error: thrown', 'Error: thrown'])
    subscription.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a delay that a failure asks for', () => {
  it('is waited for, and up to a half more', async () => {
    const asking = (random: () => number): Promise<number[]> =>
      failing({ random, retryAfterMs: (cause) => Number(cause) }, 60_000, 20_000)
    expect(delaysOf(await asking(() => 0))[0]).toBe(20_000)
    expect(delaysOf(await asking(() => 1))[0]).toBe(30_000)
  })

  it('does not make the backoff shorter', async () => {
    for (const asked of [0, 1, -5, Number.NaN]) {
      const beganAtMs = await failing({ retryAfterMs: () => asked }, 7_000, 'down')
      expect(delaysOf(beganAtMs)).toEqual([1_000, 2_000, 4_000])
    }
  })

  it('is 5 minutes and a half of that at most', async () => {
    for (const asked of [86_400_000, Number.POSITIVE_INFINITY]) {
      expect(delaysOf(await failing({ retryAfterMs: () => asked }, 500_000, 'down'))).toEqual([450_000])
    }
  })

  it('that cannot be told because asking throws is the usual backoff', async () => {
    const retryAfterMs = (): number => {
      throw new Error('mistake')
    }
    expect(delaysOf(await failing({ retryAfterMs }, 3_000, 'down'))).toEqual([1_000, 2_000])
  })
})

describe('closing', () => {
  it('a session ends it, and nothing is told after that', async () => {
    const { clock, notes, latest, close, sessions } = watched()
    close()
    close()
    expect(latest().signal.aborted).toBe(true)
    latest().next(['a:1'])
    latest().error('late')
    latest().fail(latest().signal.reason)
    await clock.advance(86_400_000)
    expect([notes.lists, notes.errors, sessions.length, clock.pendingTimers]).toEqual([[], [], 1, 0])
  })

  it('a session that then resolves begins no other', async () => {
    const { clock, latest, close, sessions } = watched()
    await clock.advance(10_000)
    close()
    latest().end()
    await clock.advance(86_400_000)
    expect([sessions.length, clock.pendingTimers]).toEqual([1, 0])
  })

  it('between sessions leaves no timer', async () => {
    const { clock, latest, close, sessions } = watched()
    latest().fail('down')
    await clock.advance(500)
    expect([clock.pendingTimers, clock.pendingForegroundTimers]).toEqual([1, 0])
    close()
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(86_400_000)
    expect(sessions).toHaveLength(1)
  })

  it.each(['next', 'error'] as const)('within %s ends it as well', async (method) => {
    const observer = new Notes()
    const { clock, latest, close, sessions, notes } = watched({}, observer)
    observer[method] = () => close()
    if (method === 'next') latest().next(['a:1'])
    else latest().fail('down')
    await clock.advance(86_400_000)
    expect([sessions.length, clock.pendingTimers, notes.errors]).toEqual([1, 0, []])
  })
})

describe('an observer that throws', () => {
  it('on a list is told so, and the session lives on', async () => {
    const observer = new Notes()
    observer.next = () => {
      throw new Error('mistake')
    }
    const { latest, notes, sessions } = watched({}, observer)
    latest().next(['a:1'])
    expect(notes.errors.map(String)).toEqual(['Error: mistake'])
    expect(sessions).toHaveLength(1)
    expect(latest().signal.aborted).toBe(false)
  })

  it('on everything ends neither the session nor the watch', async () => {
    const observer = new Notes()
    observer.next = observer.error = () => {
      throw new Error('mistake')
    }
    const { clock, latest, sessions } = watched({}, observer)
    latest().next(['a:1'])
    latest().error('hiccup')
    latest().fail('down')
    await clock.advance(1_000)
    expect(sessions).toHaveLength(2)
  })
})

describe('watch.close', () => {
  it('ends every session, and each observer gets an error as its last word', async () => {
    const clock = new FakeClock()
    const sessions: WatchSession[] = []
    const watch = watchInSessions(
      (_service, session) => {
        sessions.push(session)
        return new Promise(() => {})
      },
      { clock },
    )
    const [users, orders] = [new Notes(), new Notes()]
    watch('users', users)
    watch('orders', orders)
    watch.close()
    sessions[0]?.next(['a:1'])
    await clock.advance(60_000)
    expect(sessions.map(({ signal }) => signal.aborted)).toEqual([true, true])
    expect([users.lists.length, clock.pendingTimers]).toEqual([0, 0])
    expect(users.errors).toMatchObject([{ code: 'LB_CLOSED', service: 'users' }])
    expect(orders.errors).toMatchObject([{ code: 'LB_CLOSED', service: 'orders' }])
  })
})

describe('options', () => {
  const run = (): Promise<void> => Promise.resolve()
  it.each<[string, () => unknown]>([
    ['watchInSessions.run', () => watchInSessions(undefined as never)],
    ['watchInSessions.retryMinMs', () => watchInSessions(run, { retryMinMs: 0 })],
    ['watchInSessions.retryMaxMs', () => watchInSessions(run, { retryMaxMs: -1 })],
    ['watchInSessions.stableAfterMs', () => watchInSessions(run, { stableAfterMs: 0 })],
    ['watchInSessions.retryAfterMs', () => watchInSessions(run, { retryAfterMs: 5 as never })],
    ['watchInSessions.random', () => watchInSessions(run, { random: 5 as never })],
    ['watchInSessions.clock', () => watchInSessions(run, { clock: {} as never })],
    ['watchInSessions.retryMin', () => watchInSessions(run, { retryMin: 5 } as never)],
  ])('%s is refused when it cannot be used', (option, make) => {
    expect(make).toThrow(InvalidOptionError)
    expect(make).toThrow(option)
  })
})
