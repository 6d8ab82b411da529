import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { instance } from '../instances.ts'
import { exponential } from './latency-profile.ts'
import { randomTree } from './random-tree.ts'
import { type InstanceBehaviour, SimulatedInstance } from './simulated-instance.ts'
import { SimulationClock } from './simulation-clock.ts'

function setUp(behaviour: InstanceBehaviour): {
  clock: SimulationClock
  server: SimulatedInstance
  replies: [reply: number, atMs: number][]
  send: () => void
} {
  const clock = new SimulationClock(0)
  const server = new SimulatedInstance(instance('a'), clock, randomTree(5)('server'), behaviour)
  const replies: [number, number][] = []
  const send = (): void => server.handle((reply) => replies.push([reply, clock.now()]))
  return { clock, server, replies, send }
}

describe('SimulatedInstance', () => {
  it('serves so many at once, lets so many wait, and answers the rest with 503 at once', async () => {
    const { clock, server, replies, send } = setUp({ serviceTime: 10, concurrency: 2, queueLimit: 1 })
    for (let request = 0; request < 4; request++) send()
    expect(replies).toEqual([[503, 0]])
    expect([server.active, server.waiting, server.received]).toEqual([2, 1, 4])
    await clock.runUntil(100)
    expect(replies.slice(1)).toEqual([
      [200, 10],
      [200, 10],
      [200, 20],
    ])
  })

  it('waits as an M/M/1 queue does at half load', async () => {
    const { clock, server } = setUp({
      serviceTime: { kind: 'exponential', meanMs: 10 },
      concurrency: 1,
      queueLimit: Number.POSITIVE_INFINITY,
    })
    const random = randomTree(6)('arrivals')
    const count = 200_000
    let left = count
    let totalMs = 0
    const arrive = (): void => {
      const atMs = clock.now()
      server.handle(() => {
        totalMs += clock.now() - atMs
      })
      if (--left > 0) clock.setTimeout(arrive, 20 * exponential(random))
    }
    arrive()
    await clock.runUntil(20 * count * 2)
    // In service times: half load means a wait of ρ ÷ (1 − ρ) = 1 and, with one's own service, 2 in all. The variance of
    // n waits' mean is ρ(2 + 5ρ − 4ρ² + ρ³) ÷ (1 − ρ)⁴ ÷ n = 29 ÷ n (Whitt, "Planning queueing simulations"), which is
    // a deviation of 0.0120, and that of n service times' mean 0.0022. Five times their sum: 0.071.
    expect(Math.abs(totalMs / count / 10 - 2)).toBeLessThan(0.071)
  })

  it('fails the given share, in the time it takes to fail', async () => {
    const { clock, replies, send } = setUp({
      serviceTime: 100,
      concurrency: 2_000,
      failureRatio: 0.25,
      failureStatus: 502,
      failureTime: 1,
    })
    for (let request = 0; request < 2_000; request++) send()
    await clock.runUntil(100)
    const failed = replies.filter(([reply]) => reply === 502)
    // 500 with a deviation of sqrt(2 000 × 3/16) = 19.4; five of them.
    expect(Math.abs(failed.length - 500)).toBeLessThan(97)
    expect(new Set(failed.map(([, atMs]) => atMs))).toEqual(new Set([1]))
    expect(replies).toHaveLength(2_000)
  })

  it('resets what it holds when it dies, and refuses until it serves again', async () => {
    const { clock, server, replies, send } = setUp({ serviceTime: 10, concurrency: 1 })
    send()
    send()
    server.crash()
    expect(replies.map(([reply]) => reply)).toEqual([-2, -2])
    send()
    expect(replies.at(-1)).toEqual([-1, 0])
    expect([server.active, server.waiting, clock.pendingTimers]).toEqual([0, 0, 0])
    server.behave({ mode: 'serving' })
    send()
    await clock.runUntil(10)
    expect(replies.at(-1)).toEqual([200, 10])
  })

  it('never answers while it hangs', async () => {
    const { clock, replies, send } = setUp({ mode: 'hanging' })
    send()
    await clock.runUntil(1_000_000)
    expect(replies).toEqual([])
  })

  it('is slow while it is cold, and ever less', async () => {
    const { clock, replies, send } = setUp({
      serviceTime: 10,
      slowdown: 2,
      warmUp: { factor: 3, durationMs: 1_000 },
    })
    send()
    await clock.runUntil(500)
    send()
    await clock.runUntil(2_000)
    send()
    await clock.runUntil(3_000)
    // 10 × 2 × 3 at first, × 2 half-way, × 1 in the end.
    expect(replies.map(([, atMs]) => atMs)).toEqual([60, 540, 2_020])
  })

  it('serves those who wait as soon as it may serve more at once', async () => {
    const { clock, server, replies, send } = setUp({ serviceTime: 10, concurrency: 1 })
    send()
    send()
    server.behave({ concurrency: 2 })
    await clock.runUntil(10)
    expect(replies).toHaveLength(2)
  })

  it('names what is wrong with a behaviour', () => {
    const wrong: [InstanceBehaviour, string][] = [
      [{ concurrency: 0 }, 'instance.concurrency'],
      [{ queueLimit: -1 }, 'instance.queueLimit'],
      [{ failureRatio: 2 }, 'instance.failureRatio'],
      [{ failureStatus: 200 }, 'instance.failureStatus'],
      [{ mode: 'asleep' as never }, 'instance.mode'],
      [{ warmUp: { factor: 0.5, durationMs: 1 } }, 'instance.warmUp.factor'],
      [{ serviceTme: 1 } as never, 'instance.serviceTme'],
    ]
    for (const [behaviour, option] of wrong) {
      expect(() => setUp(behaviour)).toThrow(expect.objectContaining({ name: InvalidOptionError.name, option }))
    }
  })
})
