import { FakeClock, seededRandom, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'
import type { DiscoveryObserver } from './discovery.ts'
import { type PollOptions, type PollResult, poll } from './poll.ts'

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

/** Polls without jitter, and notes when it asked. */
function polled(
  answer: (number: number, signal: AbortSignal) => PollResult | Promise<PollResult>,
  options: PollOptions = {},
): {
  clock: FakeClock
  notes: Notes
  askedAtMs: number[]
  signals: AbortSignal[]
  close: () => void
} {
  const clock = new FakeClock(0)
  const notes = new Notes()
  const askedAtMs: number[] = []
  const signals: AbortSignal[] = []
  const watch = poll(
    (_service, { signal }) => {
      askedAtMs.push(clock.now())
      signals.push(signal)
      return answer(askedAtMs.length, signal)
    },
    { jitter: 0, clock, ...options },
  )
  const subscription = watch('users', notes)
  return { clock, notes, askedAtMs, signals, close: () => subscription.close() }
}

describe('poll', () => {
  it('asks at once, then again an interval after each answer', async () => {
    const { clock, notes, askedAtMs } = polled(() => ['a:1'], { intervalMs: 5_000 })
    expect(askedAtMs).toEqual([0])
    await clock.advance(12_000)
    expect(askedAtMs).toEqual([0, 5_000, 10_000])
    expect(notes.lists).toEqual([['a:1'], ['a:1'], ['a:1']])
  })

  it('asks every 10 s by default', async () => {
    const { clock, askedAtMs } = polled(() => [])
    await clock.advance(25_000)
    expect(askedAtMs).toEqual([0, 10_000, 20_000])
  })

  it('waits before the first question when told to', async () => {
    const { clock, askedAtMs } = polled(() => [], { initialDelayMs: 700, intervalMs: 1_000 })
    await clock.advance(2_000)
    expect(askedAtMs).toEqual([700, 1_700])
  })

  it('passes the service and a signal to the resolve function', async () => {
    const asked: string[] = []
    poll((service) => {
      asked.push(service)
      return []
    })('users', new Notes()).close()
    expect(asked).toEqual(['users'])
  })

  it('has one question open at a time, however slow the answers are', async () => {
    let open = 0
    let most = 0
    const { clock, askedAtMs } = polled(
      () => {
        open++
        most = Math.max(most, open)
        return new Promise((resolve) => {
          clock.setTimeout(() => {
            open--
            resolve([])
          }, 3_000)
        })
      },
      { initialDelayMs: 1, intervalMs: 100 },
    )
    await clock.advance(10_000)
    expect(most).toBe(1)
    expect(askedAtMs).toEqual([1, 3_101, 6_201, 9_301])
  })

  it('uses the time to live of an answer, between floor and ceiling', async () => {
    const ttls = [5_000, 0, -1, 1e9, Number.POSITIVE_INFINITY, Number.NaN, undefined]
    const { clock, askedAtMs } = polled((number) => {
      const ttlMs = ttls[number - 1]
      return ttlMs === undefined ? { instances: [] } : { instances: [], ttlMs }
    })
    await clock.advance(87_000)
    const delays = askedAtMs.slice(1).map((at, index) => at - (askedAtMs[index] as number))
    expect(delays).toEqual([5_000, 1_000, 1_000, 30_000, 30_000, 10_000, 10_000])
  })

  it('takes other bounds for the time to live', async () => {
    const { clock, askedAtMs } = polled((number) => ({ instances: [], ttlMs: number === 1 ? 1 : 1e6 }), {
      minTtlMs: 200,
      maxTtlMs: 900,
    })
    await clock.advance(1_200)
    expect(askedAtMs).toEqual([0, 200, 1_100])
  })

  it('backs off exponentially while it fails, and starts over after an answer', async () => {
    const { clock, askedAtMs, notes } = polled((number) => {
      if (number === 8) return []
      throw new Error(`down ${number}`)
    })
    await clock.advance(104_000)
    const delays = askedAtMs.slice(1).map((at, index) => at - (askedAtMs[index] as number))
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 10_000, 1_000, 2_000])
    expect(notes.errors[0]).toEqual(new Error('down 1'))
    expect(notes.lists).toEqual([[]])
  })

  it('reports a synchronous throw and a rejection alike', async () => {
    const cause = new Error('down')
    for (const fail of [
      (): never => {
        throw cause
      },
      (): Promise<never> => Promise.reject(cause),
    ]) {
      const { notes, clock } = polled(fail)
      await clock.advance(0)
      expect(notes).toMatchObject({ errors: [cause], lists: [] })
    }
  })

  it('makes every delay shorter by up to the jitter, differently each time', async () => {
    const random = seededRandom(7)
    const { clock, askedAtMs } = polled(() => [], { jitter: 0.2, random, intervalMs: 1_000 })
    await clock.advance(100_000)
    const delays = askedAtMs.slice(1).map((at, index) => at - (askedAtMs[index] as number))
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(800)
    expect(new Set(delays.map(Math.round)).size).toBeGreaterThan(50)
  })

  it('jitters by a fifth unless told otherwise', async () => {
    const clock = new FakeClock(0)
    const askedAtMs: number[] = []
    const resolve = (): string[] => {
      askedAtMs.push(clock.now())
      return []
    }
    poll(resolve, { clock, random: () => 1 })('users', new Notes())
    await clock.advance(16_000)
    expect(askedAtMs).toEqual([0, 8_000, 16_000])
  })

  it('keeps no process alive', async () => {
    const { clock } = polled(() => new Promise(() => {}))
    expect(clock.pendingForegroundTimers).toBe(0)
    await clock.advance(10_000)
    expect(clock.pendingForegroundTimers).toBe(0)
    expect(clock.pendingTimers).toBe(1)
  })

  describe('when an answer takes too long', () => {
    it('fails, aborts the question and drops the late answer', async () => {
      let answerLate: (list: string[]) => void = () => {}
      const { clock, notes, signals, askedAtMs } = polled(
        (number) =>
          number === 1
            ? new Promise<string[]>((resolve) => {
                answerLate = resolve
              })
            : new Promise<never>(() => {}),
        { timeoutMs: 2_000 },
      )
      await clock.advance(1_999)
      expect(notes.errors).toEqual([])
      expect(signals[0]?.aborted).toBe(false)
      await clock.advance(1)
      expect(notes.errors).toMatchObject([{ code: 'LB_DISCOVERY', message: 'no answer within 2000 ms' }])
      expect(signals[0]?.aborted).toBe(true)
      answerLate(['a:1'])
      await clock.advance(1_500)
      answerLate(['a:1'])
      await settlePromises()
      expect(notes.lists).toEqual([])
      expect(askedAtMs).toEqual([0, 3_000])
    })

    it('reports one failure when the aborted question then rejects', async () => {
      const { clock, notes } = polled(
        (_number, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted')))
          }),
        { timeoutMs: 2_000, retryMinMs: 5_000 },
      )
      await clock.advance(3_000)
      expect(notes.errors).toHaveLength(1)
    })

    it('does not take the late answer for that of the next question', async () => {
      const answers: ((list: string[]) => void)[] = []
      const { clock, notes } = polled(() => new Promise((resolve) => answers.push(resolve)), {
        timeoutMs: 2_000,
        retryMinMs: 100,
      })
      await clock.advance(2_100)
      answers[0]?.(['old:1'])
      await settlePromises()
      answers[1]?.(['new:1'])
      await settlePromises()
      expect(notes.lists).toEqual([['new:1']])
    })
  })

  describe('after close', () => {
    it('asks nothing more and leaves no timer', async () => {
      const { clock, askedAtMs, close } = polled(() => [])
      await clock.advance(0)
      close()
      close()
      expect(clock.pendingTimers).toBe(0)
      await clock.advance(100_000)
      expect(askedAtMs).toEqual([0])
    })

    it('aborts the open question and drops its answer', async () => {
      let answer: (list: string[]) => void = () => {}
      const { clock, notes, signals, close } = polled(
        () =>
          new Promise((resolve) => {
            answer = resolve
          }),
      )
      close()
      expect(signals[0]?.aborted).toBe(true)
      answer(['a:1'])
      await clock.advance(100_000)
      expect(notes).toMatchObject({ lists: [], errors: [] })
      expect(clock.pendingTimers).toBe(0)
    })

    it('drops the rejection of the open question', async () => {
      const { clock, notes, close } = polled(
        (_number, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted')))
          }),
      )
      close()
      await clock.advance(1_000)
      expect(notes.errors).toEqual([])
    })

    it('stays closed when the observer closes it from within next or error', async () => {
      for (const answer of [(): string[] => [], (): Promise<never> => Promise.reject(new Error('down'))]) {
        const clock = new FakeClock(0)
        let calls = 0
        const closeOnCall = (): void => {
          calls++
          subscription.close()
        }
        const subscription = poll(answer, { clock })('users', { next: closeOnCall, error: closeOnCall })
        await clock.advance(100_000)
        expect(calls).toBe(1)
        expect(clock.pendingTimers).toBe(0)
      }
    })
  })

  it('gives each watcher a poll of its own', async () => {
    const clock = new FakeClock(0)
    let asked = 0
    const watch = poll(() => [`a:${++asked}`], { clock, jitter: 0 })
    const [first, second] = [new Notes(), new Notes()]
    const subscription = watch('users', first)
    watch('orders', second)
    await clock.advance(0)
    subscription.close()
    await clock.advance(10_000)
    expect(first.lists).toEqual([['a:1']])
    expect(second.lists).toEqual([['a:2'], ['a:3']])
  })
})

describe('watch.close', () => {
  it('ends every subscription, of which each gets an error as its last word', async () => {
    const clock = new FakeClock()
    const [users, orders] = [new Notes(), new Notes()]
    const watch = poll((service) => [`${service}:1`], { clock })
    watch('users', users)
    watch('orders', orders)
    await settlePromises()
    watch.close()
    watch.close()
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(60_000)
    expect([users.lists.length, orders.lists.length]).toEqual([1, 1])
    expect(users.errors).toMatchObject([{ code: 'LB_CLOSED', service: 'users' }])
    expect(orders.errors).toMatchObject([{ code: 'LB_CLOSED', service: 'orders' }])
  })
})

describe('the options of poll', () => {
  it.each([
    ['intervalMs', 0],
    ['intervalMs', '5'],
    ['intervalMs', Number.POSITIVE_INFINITY],
    ['minTtlMs', 0],
    ['maxTtlMs', Number.NaN],
    ['timeoutMs', -1],
    ['retryMinMs', 0],
    ['retryMaxMs', 2 ** 31],
    ['initialDelayMs', -1],
    ['jitter', 1.1],
    ['jitter', -0.1],
    ['random', 4],
  ])('refuse %s %s', (name, value) => {
    const build = (): unknown => poll(() => [], { [name]: value })
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(
      expect.objectContaining({
        option: `poll.${name}`,
        message: expect.stringMatching(`^poll\\.${name} must be .+, got `),
      }),
    )
  })

  it('suggest the nearest name for an unknown one', () => {
    expect(() => poll(() => [], { intervallMs: 5 } as PollOptions)).toThrow(
      expect.objectContaining({
        option: 'poll.intervallMs',
        message: 'poll.intervallMs is not a known option. Did you mean intervalMs?',
      }),
    )
  })

  it('refuse null, and a resolve that is no function', () => {
    const resolve = (): string[] => []
    expect(() => poll(resolve, null as unknown as PollOptions)).toThrow('poll must be an object, got null (object)')
    expect(() => poll(null as unknown as typeof resolve)).toThrow('poll.resolve must be a function, got null (object)')
  })

  it.each([[null], [7], [{}]])('refuse the clock %j', (clock) => {
    expect(() => poll(() => [], { clock } as unknown as PollOptions)).toThrow(InvalidOptionError)
  })
})
