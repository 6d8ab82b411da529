import { describe, expect, it } from 'vitest'
import type { LoadBalancerOptions } from '../src/index.ts'
import { type Duration, SilentFleet } from './silent-fleet.ts'

const quick: Duration = (random) => 5 + 10 * random()
const poll: Duration = () => 30_000

const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1] ?? 0

/** The first instance freezes under `workers` that each wait for their call; what is seen in the 6 s after that. */
async function frozen(seed: number, workers: number, options: Partial<LoadBalancerOptions> = {}, size = 3, polls = 0) {
  const fleet = new SilentFleet(seed, size, options)
  const [first] = fleet.ids as [string]
  for (let number = 0; number < polls; number++) void fleet.work(poll, 1)
  for (let number = 0; number < workers; number++) void fleet.work(quick, 20)
  await fleet.clock.advance(1_000 + (seed % 7) * 41)
  fleet.freeze(first)
  const frozenAtMs = fleet.clock.now()
  await fleet.clock.advance(6_000)
  const waits = fleet.waits(frozenAtMs, 250).filter((ms) => ms < 20_000)
  const answers = fleet.calls.filter(({ startedAtMs, tookMs }) => startedAtMs > frozenAtMs && tookMs > 0).length
  const state = fleet.state(first)
  await fleet.end()
  return { fleet, first, waits, answers, state }
}

describe('an instance that freezes under callers that each wait for their call', () => {
  it.each([1, 2, 3, 10, 30])(
    'holds none of %i of them longer than 2 s, and half no longer than 1 s',
    async (workers) => {
      for (let seed = 1; seed <= 6; seed++) {
        const { fleet, first, waits, answers, state } = await frozen(seed, workers)
        expect(waits.at(-1)).toBeLessThan(2_000)
        expect(median(waits)).toBeLessThan(1_000)
        expect(fleet.failed).toBe(0)
        expect(answers).toBeGreaterThan(40 * workers)
        expect(state).toBe('ejected')
        expect(fleet.ejected).toEqual([first])
      }
    },
  )

  it.each(['random', 'least-request', 'peak-ewma', 'ring-hash'] as const)('does so with %s', async (balancer) => {
    for (const workers of [1, 3]) {
      const { fleet, first, waits } = await frozen(workers, workers, { balancer })
      expect(waits.at(-1) ?? 0).toBeLessThan(2_000)
      expect(fleet.failed).toBe(0)
      expect(fleet.ejected.filter((id) => id !== first)).toEqual([])
    }
  })

  it('does so beside long polls, which are no reason to wait for longer', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const fleet = new SilentFleet(seed, 5)
      const [first] = fleet.ids as [string]
      for (let number = 0; number < 30; number++) void fleet.work(poll, 1)
      await fleet.clock.advance(5_000)
      await fleet.load(quick, 50, 2_000)
      fleet.freeze(first)
      for (let call = 0; call < 20; call++) {
        void fleet.call(quick)
        const call = fleet.calls.at(-1)
        await fleet.clock.advance(2_000)
        expect(call?.tookMs).toBeLessThan(2_000)
      }
      expect(fleet.ejected.filter((id) => id !== first)).toEqual([])
      expect(fleet.failed).toBe(0)
      await fleet.end()
    }
  })

  it('does so when two of five freeze, although no more than one may be ejected', async () => {
    const fleet = new SilentFleet(1, 5)
    for (let number = 0; number < 3; number++) void fleet.work(quick, 20)
    await fleet.clock.advance(1_000)
    fleet.freeze(...fleet.ids.slice(0, 2))
    const frozenAtMs = fleet.clock.now()
    await fleet.clock.advance(10_000)
    const waits = fleet.waits(frozenAtMs, 250)
    expect(waits.at(-1)).toBeLessThan(2_000)
    expect(fleet.failed).toBe(0)
    expect(fleet.ejected).toHaveLength(1)
    await fleet.end()
  })

  it('answers a burst of 30 within 2 s without any traffic after it', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const fleet = new SilentFleet(seed, 3)
      fleet.freeze(fleet.ids[0] as string)
      for (let number = 0; number < 30; number++) void fleet.call(quick)
      await fleet.clock.advance(2_000)
      expect(fleet.calls.every(({ tookMs }) => tookMs < 2_000)).toBe(true)
      expect(fleet.inFlight).toBe(0)
      expect(fleet.failed).toBe(0)
      await fleet.end()
    }
  })

  it('is not asked round the whole fleet: a call has no more attempts than its retries allow', async () => {
    const fleet = new SilentFleet(1, 8)
    fleet.freeze(...fleet.ids)
    const ended = fleet.call(quick, { timeoutMs: 20_000 })
    await fleet.clock.advance(20_000)
    await ended
    expect(fleet.attempts).toBe(3)
    expect(fleet.ejected).toEqual([])
    await fleet.end()
  })

  it.each([
    { retry: false } as const,
    { idempotent: false },
    { retry: { secondTryAfterMs: Number.POSITIVE_INFINITY } },
  ])('is asked once by a call with %j', async (options) => {
    const fleet = new SilentFleet(1, 3)
    fleet.freeze(...fleet.ids)
    const ended = fleet.call(quick, { ...options, timeoutMs: 5_000 })
    await fleet.clock.advance(5_000)
    await ended
    expect(fleet.attempts).toBe(1)
    await fleet.end()
  })

  it('is left by no more calls than the retry budget has', async () => {
    const fleet = new SilentFleet(1, 3, { retry: { budget: { ratio: 0, minPerSecond: 0.5, windowMs: 10_000 } } })
    fleet.freeze(fleet.ids[0] as string)
    for (let number = 0; number < 60; number++) void fleet.call(quick)
    await fleet.clock.advance(4_000)
    expect(fleet.retries).toBe(5)
    await fleet.end()
  })

  it('is left when checks or the registry speak against it, also where nobody is ejected', async () => {
    const fleet = new SilentFleet(1, 3, { outlierDetection: false })
    const [first, ...others] = fleet.ids as [string, string, string]
    const only = { avoid: new Set(others), retry: { secondTryAfterMs: 20_000 } }
    const ended = fleet.call(poll, only)
    await fleet.clock.advance(2_000)
    fleet.freeze(first)
    expect(fleet.retries).toBe(0)
    fleet.discovery.set('users', others)
    // The poll is tried at another instance too, and there takes its time.
    await fleet.clock.advance(1_000)
    expect(fleet.retries).toBe(1)
    await fleet.clock.advance(60_000)
    await ended
    expect(fleet.failed).toBe(0)
    expect(fleet.inFlight).toBe(0)
    await fleet.end()
  })

  it('has a merely slow answer counted: the first goes on beside the second try', async () => {
    const fleet = new SilentFleet(1, 3)
    const ended = fleet.call(() => 700)
    await fleet.clock.advance(700)
    await ended
    expect(fleet.calls[0]?.tookMs).toBe(700)
    expect(fleet.retries).toBe(1)
    expect(fleet.inFlight).toBe(0)
    await fleet.end()
  })

  it('leaves nothing behind when the load balancer is closed', async () => {
    const fleet = new SilentFleet(1, 3)
    fleet.freeze(fleet.ids[0] as string)
    for (let number = 0; number < 3; number++) void fleet.call(quick)
    // A second try was faster, and the first is not given up yet.
    await fleet.clock.advance(645)
    expect(fleet.calls.every(({ tookMs }) => tookMs > 0)).toBe(true)
    expect(fleet.inFlight).toBe(1)
    await fleet.end()
    expect(fleet.clock.pendingTimers).toBe(0)
  })
})

/** Long answers beside quick ones, every instance well. */
interface Mix {
  readonly polls: number
  readonly everyMs: number
  readonly size: number
  readonly slow: Duration
  readonly together: boolean
  readonly idempotent: boolean
  readonly options: Partial<LoadBalancerOptions>
}

async function well(seed: number, mix: Mix): Promise<SilentFleet> {
  const fleet = new SilentFleet(seed, mix.size, mix.options)
  await fleet.load(quick, 100, 2_000)
  for (let number = 0; number < mix.polls; number++) {
    void (async () => {
      if (!mix.together) await fleet.sleep(fleet.random() * 5_000)
      await fleet.work(mix.slow, 1, { idempotent: mix.idempotent })
    })()
  }
  await fleet.load(quick, mix.everyMs, 45_000)
  await fleet.end()
  return fleet
}

describe('instances that are all well', () => {
  const slowAnswers: Readonly<Record<string, Duration>> = {
    'long polls': poll,
    'reports of any length': (random) => -Math.log(1 - random()) * 8_000,
    'polls that an event ends for all': (random, nowMs) => 1_000 - (nowMs % 1_000) + 5 * random(),
  }
  const mixes = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => ({
    polls: [5, 15, 30][seed % 3] as number,
    everyMs: [100, 500, 2_000][(seed >> 1) % 3] as number,
    size: [2, 3, 5][(seed >> 2) % 3] as number,
    together: seed % 2 === 0,
    idempotent: seed % 4 !== 0,
    options: seed % 5 === 0 ? { balancer: 'least-request' as const } : {},
  }))

  it.each(Object.keys(slowAnswers))('are never ejected for %s beside light traffic', async (name) => {
    for (const [seed, mix] of mixes.entries()) {
      const fleet = await well(seed, { ...mix, slow: slowAnswers[name] as Duration })
      expect(fleet.ejected).toEqual([])
      expect(fleet.failed).toBe(0)
      // A tenth of the requests, and one each second.
      expect(fleet.retries).toBeLessThanOrEqual(0.1 * fleet.calls.length + 47)
    }
  })

  it('are not asked twice for answers that take long as a rule', async () => {
    const fleet = new SilentFleet(1, 3)
    await fleet.load((random) => 4_000 + 2_000 * random(), 500, 20_000)
    const before = fleet.retries
    await fleet.load((random) => 4_000 + 2_000 * random(), 500, 60_000)
    expect(fleet.retries - before).toBeLessThanOrEqual(2)
    expect(fleet.ejected).toEqual([])
    await fleet.end()
  })

  it('are not asked twice by polls while they answer other requests', async () => {
    const fleet = new SilentFleet(1, 3)
    await fleet.load(quick, 20, 500)
    for (let number = 0; number < 30; number++) void fleet.work(poll, 1)
    await fleet.load(quick, 20, 20_000)
    expect(fleet.retries).toBe(0)
    await fleet.end()
  })

  it('are not ejected when all of them stop for a while', async () => {
    const fleet = new SilentFleet(1, 4)
    await fleet.load(quick, 20, 2_000)
    fleet.freeze(...fleet.ids)
    await fleet.load(quick, 20, 3_000)
    fleet.thaw()
    await fleet.load(quick, 20, 3_000)
    expect(fleet.ejected).toEqual([])
    expect(fleet.attempts).toBeLessThanOrEqual(1.2 * fleet.calls.length + 100)
    await fleet.end()
  })
})
