import { describe, expect, it } from 'vitest'
import { simulate } from '../simulation.ts'
import { readRecording } from './read-recording.ts'
import type { Recording } from './recording.ts'

/** A recording with these lines after the instances `a` and `b`, which are listed from the start. */
async function written(...lines: readonly object[]): Promise<Recording> {
  const setUp = [
    { recording: 'lb-traffic', version: 1 },
    { service: 0, name: 'users' },
    { instance: 0, service: 0, id: 'a', host: 'a', port: 1 },
    { instance: 1, service: 0, id: 'b', host: 'b', port: 1 },
    { at: 0, service: 0, added: [0, 1] },
  ]
  return await readRecording([...setUp, ...lines].map((line) => JSON.stringify(line)).join('\n'))
}

/** One call every 100 ms, each with the attempt that `attemptOf` gives. */
function calls(count: number, attemptOf: (index: number) => object, result: object = {}): object[] {
  return Array.from({ length: count }, (_, index) => {
    return { call: 100 * index, service: 0, ms: 20, ...result, attempts: [attemptOf(index)] }
  })
}

const noEjection = { outlierDetection: false } as const

describe('a recorded fleet', () => {
  it('fails as it failed: errors are judged, and repeated on another instance', async () => {
    const recording = await written(
      ...calls(100, (index) =>
        index % 2 === 0 ? { on: 0, ms: 5, error: 'ECONNRESET' } : { on: 1, ms: 20, status: 200 },
      ),
    )
    const retried = await simulate({ recording, loadBalancer: noEjection })
    expect(retried.goodput).toBe(1)
    expect(retried.events).toMatchObject({ retry: retried.calls / 2 })
    const failed = await simulate({ recording, loadBalancer: { ...noEjection, retry: false } })
    expect(failed.failures).toEqual({ ECONNRESET: failed.calls - failed.succeeded })
    expect(failed.goodput).toBeCloseTo(0.5, 1)
    expect((await simulate({ recording })).events['instance-ejected']).toBeGreaterThan(0)
  })

  it('responds as it did, and what the application made of a status counts', async () => {
    const recording = await written(
      ...calls(
        60,
        (index) =>
          [
            { on: 0, ms: 5, status: 503 },
            { on: 0, ms: 5, status: 404 },
            { on: 0, ms: 5, status: 500, ok: true },
          ][index % 3] ?? {},
      ),
      { at: 0, service: 0, removed: ['b'] },
    )
    const report = await simulate({ recording, loadBalancer: { ...noEjection, retry: false } })
    expect(report.failures).toEqual({ 'status 503': 20 })
  })

  it('repeats no call that must not be, and blames no instance for what was the caller’s', async () => {
    const attempt = { ms: 5, error: 'TypeError', blame: 'none' }
    const recording = await written(...calls(50, (index) => ({ ...attempt, on: index % 2 }), { idempotent: false }))
    const report = await simulate({ recording })
    expect(report).toMatchObject({ amplification: 1, goodput: 0, failures: { TypeError: 50 } })
    expect(report.events['instance-ejected']).toBeUndefined()
    const blamed = await written(...calls(50, (index) => ({ on: index % 2, ms: 5, error: 'ServiceError' })))
    expect((await simulate({ recording: blamed })).amplification).toBeGreaterThan(1)
  })

  it('gives no reply where a deadline passed, and the deadline is the recorded one', async () => {
    const result = { ms: 300, result: 'failed', error: 'LB_DEADLINE_EXCEEDED' }
    const recording = await written(
      ...calls(10, () => ({ on: 0, ms: 300, error: 'LB_DEADLINE_EXCEEDED' }), result),
      ...calls(10, () => ({ on: 1, ms: 20, status: 200 })),
    )
    const report = await simulate({ recording, loadBalancer: { ...noEjection, retry: false } })
    expect(report.failures).toEqual({ LB_DEADLINE_EXCEEDED: report.calls - report.succeeded })
    expect(report.goodput).toBeGreaterThan(0)
    expect(report.leakedTimers).toBe(0)
  })

  it('would have taken longer for an attempt that was cancelled', async () => {
    const attempts = calls(30, (index) => {
      if (index % 3 === 0) return { on: 0, ms: 50, error: 'cancelled' }
      return { on: 0, ms: index % 3 === 1 ? 10 : 400, status: 200 }
    })
    const report = await simulate({ recording: await written({ at: 0, service: 0, removed: ['b'] }, ...attempts) })
    expect(report.succeeded).toBe(30)
    expect(report.p50Ms).toBeCloseTo(400, 6)
  })

  it('is listed as it was: instances come, go, and get other weights', async () => {
    const recording = await written(
      { instance: 2, service: 0, id: 'b', host: 'b', port: 1, weight: 3 },
      { instance: 3, service: 0, id: 'c', host: 'c', port: 1 },
      { at: 5_000, service: 0, removed: ['b'], added: [2] },
      { at: 9_999.5, service: 0, removed: ['a', 'b'], added: [3] },
      ...calls(150, () => ({ on: 0, ms: 20, status: 200 })),
    )
    const received: number[][] = []
    const report = await simulate({
      recording,
      script: ({ at, fleet }) => {
        for (const elapsedMs of [4_999, 9_999, 14_999]) {
          at(elapsedMs, () => received.push(fleet.all.map((each) => each.received)))
        }
      },
    })
    expect(report.goodput).toBe(1)
    const [first = [], second = [], third = []] = received
    expect(first).toEqual([25, 25])
    expect((second[1] ?? 0) - 25).toBeGreaterThan(30)
    // An instance of which no response is recorded responds as any.
    expect(third).toEqual([...second, 50])
  })

  it('has requests in flight until a response is over, not only to its head', async () => {
    const recording = await written(
      ...calls(200, (index) => ({ on: index % 2, ms: 10, inFlightMs: index % 2 === 0 ? 5_000 : 10, status: 200 })),
    )
    let received: number[] = []
    const report = await simulate({
      recording,
      loadBalancer: { balancer: 'least-request', outlierDetection: false },
      script: ({ at, durationMs, fleet }) =>
        at(durationMs, () => {
          received = fleet.all.map((each) => each.received)
        }),
    })
    expect(report.p99Ms).toBeCloseTo(10, 6)
    expect(received[1]).toBeGreaterThan(3 * (received[0] ?? 0))
  })

  it('obeys the behaviour that is given besides', async () => {
    const recording = await written(...calls(20, (index) => ({ on: index % 2, ms: 20, status: 200 })))
    expect((await simulate({ recording, instance: { slowdown: 3 } })).p50Ms).toBeCloseTo(60, 6)
    const network = { sameZoneMs: 1, crossZoneMs: 1 }
    expect((await simulate({ recording, instance: { serviceTime: 7 }, network })).p50Ms).toBeCloseTo(8, 6)
    expect((await simulate({ recording, durationMs: 1_000 })).calls).toBe(10)
  })
})

describe('simulate({ recording })', () => {
  it.each(['clients', 'instances', 'callsPerSecond', 'zones', 'weights', 'arrivals'] as const)(
    'takes no %s besides',
    async (name) => {
      const recording = await written(...calls(1, () => ({ on: 0, ms: 1 })))
      const options = { recording, [name]: name === 'zones' ? ['a'] : 1 }
      await expect(simulate(options)).rejects.toThrow(`simulate.${name} must be absent beside a recording`)
    },
  )

  it('has no deadline beyond the longest, however long a call took', async () => {
    const recording = await written({ call: 0, service: 0, ms: 2 ** 30, attempts: [{ on: 0, ms: 20 }] })
    const report = await simulate({ recording, durationMs: 1_000 })
    expect(report).toMatchObject({ calls: 1, succeeded: 1 })
  })

  it('says nothing of instances that no call reached', async () => {
    const recording = await written({
      call: 0,
      service: 0,
      ms: 1,
      result: 'refused',
      error: 'LB_OVERLOADED',
      attempts: [],
    })
    await expect(simulate({ recording })).rejects.toThrow(/simulate\.recording must be of at least one attempt/)
  })

  it('refuses an impossible concurrency as the fleet does', async () => {
    const recording = await written(...calls(3, () => ({ on: 0, ms: 20 })))
    for (const concurrency of [-1, 0, 1.5, Number.NaN]) {
      await expect(simulate({ recording, instance: { concurrency } })).rejects.toThrow(/instance\.concurrency must be/)
    }
  })

  it('takes only what readRecording gave', async () => {
    const hollow = [null, 5, {}, { calls: [], lists: [] }].map((traffic) => ({ traffic }))
    for (const recording of [{}, 'text', 1, null, ...hollow]) {
      await expect(simulate({ recording: recording as never })).rejects.toThrow(
        /simulate\.recording must be a recording/,
      )
    }
  })
})
