import { FakeClock, FakeWatchDiscovery, seededRandom, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { LoadBalancer, type LoadBalancerOptions, StaticDiscovery } from '../../index.ts'
import type { TrafficRecordingOptions } from './recording-options.ts'
import { recordTraffic, type TrafficRecording } from './traffic-recording.ts'

type Lines = readonly Record<string, unknown>[]

interface Recorded {
  readonly clock: FakeClock
  readonly lb: LoadBalancer
  readonly recording: TrafficRecording
  /** All that was written, once the recording has ended. */
  readonly lines: () => Promise<Lines>
}

async function record(
  options: TrafficRecordingOptions = {},
  given: Partial<LoadBalancerOptions> = {},
): Promise<Recorded> {
  const clock = new FakeClock()
  const lb = new LoadBalancer({
    discovery: new StaticDiscovery({ users: ['a:1', 'b:1'] }),
    clock,
    random: seededRandom(1),
    outlierDetection: false,
    ...given,
  })
  await lb.ready('users')
  const recording = recordTraffic(lb, { clock, ...options })
  const lines = async (): Promise<Lines> => {
    let text = ''
    for await (const chunk of recording) text += chunk
    return text
      .trimEnd()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line))
  }
  return { clock, lb, recording, lines }
}

function after<T>(clock: FakeClock, ms: number, give: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    clock.setTimeout(() => {
      try {
        resolve(give())
      } catch (error) {
        reject(error)
      }
    }, ms)
  })
}

function failure(code: string): Error {
  return Object.assign(new Error('https://user:secret@host/path?token=secret'), { code })
}

describe('recordTraffic', () => {
  it('writes the instances, the list, and each call with its attempts', async () => {
    const { clock, lb, recording, lines } = await record()
    await clock.advance(10)
    const call = lb.execute(
      'users',
      (_instance, { number }) =>
        after(clock, 20, () => {
          if (number === 1) throw failure('ECONNRESET')
          return new Response(null, { status: 404 })
        }),
      { idempotent: true },
    )
    await clock.advance(500)
    await call
    recording.stop()
    const written = await lines()
    expect(written.slice(0, 5)).toEqual([
      { recording: 'lb-traffic', version: 1 },
      { service: 0, name: 'users' },
      { instance: 0, service: 0, id: 'a:1', host: 'a', port: 1 },
      { instance: 1, service: 0, id: 'b:1', host: 'b', port: 1 },
      { at: 0, service: 0, added: [0, 1] },
    ])
    const { attempts = [] } = written[5] ?? {}
    const [first, second] = attempts as { on: number; at?: number }[]
    expect(written[5]).toMatchObject({ call: 10, service: 0, ms: 40 + Number(second?.at) - 20 })
    expect(first).toEqual({ on: first?.on, ms: 20, error: 'ECONNRESET' })
    expect(second).toEqual({ on: 1 - Number(first?.on), at: second?.at, ms: 20, status: 404 })
    expect(written[6]).toEqual({ at: 510, end: 'stopped' })
    await lb.close()
  })

  it('writes that a call may not be repeated, that it was refused, and what blames nobody', async () => {
    const { clock, lb, recording, lines } = await record({}, { retry: false })
    const own = lb.execute('users', () => after(clock, 5, () => Promise.reject(new TypeError('secret'))))
    own.catch(() => {})
    await clock.advance(5)
    await settlePromises()
    const none = lb.execute('nobody', async () => undefined)
    none.catch(() => {})
    await clock.advance(10_000)
    await settlePromises()
    recording.stop()
    const calls = (await lines()).filter((line) => 'call' in line)
    expect(calls).toMatchObject([
      { result: 'failed', error: 'TypeError', idempotent: false, attempts: [{ error: 'TypeError', blame: 'none' }] },
      { result: 'refused', error: expect.stringMatching(/^LB_/), attempts: [] },
    ])
    await lb.close()
  })

  it('writes until when a response was in flight, and that its caller gave up', async () => {
    const { clock, lb, recording, lines } = await record()
    const call = lb.execute('users', (_instance, { until }) => {
      until(after(clock, 300, () => undefined))
      return after(clock, 20, () => new Response())
    })
    await clock.advance(300)
    await call
    const controller = new AbortController()
    const given = lb.execute('users', () => new Promise(() => {}), { signal: controller.signal })
    given.catch(() => {})
    await clock.advance(7)
    controller.abort()
    await settlePromises()
    recording.stop()
    expect((await lines()).filter((line) => 'call' in line)).toMatchObject([
      { ms: 20, attempts: [{ ms: 20, inFlightMs: 300, status: 200 }] },
      { ms: 7, result: 'cancelled', attempts: [{ ms: 7, error: 'cancelled' }] },
    ])
    await lb.close()
  })

  it('writes changes of the list, and metadata of the given keys alone', async () => {
    const discovery = new FakeWatchDiscovery([{ host: 'a', port: 1, metadata: { version: '2', token: 'secret' } }])
    const { clock, lb, recording, lines } = await record({ metadata: ['version'] }, { discovery })
    await clock.advance(1_000)
    discovery.push([{ host: 'a', port: 1, weight: 3 }, 'b:1'])
    await clock.advance(1_000)
    discovery.push(['b:1'])
    await clock.advance(1_000)
    recording.stop()
    const written = await lines()
    expect(JSON.stringify(written)).not.toContain('secret')
    expect(written[2]).toMatchObject({ id: 'a:1', metadata: { version: '2' } })
    expect(written.filter((line) => 'at' in line)).toMatchObject([
      { at: 0, added: [0] },
      { at: 1_000, removed: ['a:1'], added: [1, 2] },
      { at: 2_000, removed: ['a:1'] },
      { end: 'stopped' },
    ])
    await lb.close()
  })

  it('holds no text of an error, a URL or a header, whatever they are', async () => {
    const { clock, lb, recording, lines } = await record({}, { retry: false })
    const errors = [failure('https://secret'), failure('secret word'), { code: 'secret/1' }, 'secret', failure('EPIPE')]
    for (const error of errors) {
      lb.execute('users', () => Promise.reject(error), { httpMethod: 'secret', hashKey: 'secret' }).catch(() => {})
      await clock.advance(1)
      await settlePromises()
    }
    recording.stop()
    const written = await lines()
    expect(JSON.stringify(written)).not.toContain('secret')
    expect(written.filter((line) => 'call' in line).map(({ error }) => error)).toEqual([
      'Error',
      'Error',
      '_OTHER',
      '_OTHER',
      'EPIPE',
    ])
    await lb.close()
  })

  it('records only the named services, in ASCII', async () => {
    const discovery = new StaticDiscovery({ users: ['c:1'], größe: ['a:1'], orders: ['b:1'] })
    const { clock, lb, recording } = await record({ services: ['größe'] }, { discovery })
    for (const service of ['größe', 'orders']) await lb.execute(service, async () => undefined)
    await clock.advance(1)
    recording.stop()
    let text = ''
    for await (const chunk of recording) text += chunk
    expect(text).toMatch(/^[\n -~]*$/)
    expect(text).toContain(String.raw`"name":"gr\u00f6\u00dfe"`)
    expect(text).not.toContain('orders')
    await lb.close()
  })
})

async function calls(lb: LoadBalancer, count: number): Promise<void> {
  for (let call = 0; call < count; call++) await lb.execute('users', async () => undefined)
}

describe('the bounds of a recording', () => {
  it('are its time', async () => {
    const { clock, lb, lines } = await record({ maxMs: 1_000 })
    await clock.advance(1_000)
    await calls(lb, 5)
    expect((await lines()).at(-1)).toEqual({ at: 1_000, end: 'time' })
    await lb.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('are its bytes, with the line that says so', async () => {
    const { lb, recording } = await record({ maxBytes: 2_000 })
    await calls(lb, 1_000)
    let text = ''
    for await (const chunk of recording) text += chunk
    expect(text.length).toBeLessThanOrEqual(2_000)
    expect(text.length).toBeGreaterThan(1_600)
    expect(text).toMatch(/\{"at":0,"end":"bytes"\}\n$/)
    await lb.close()
  })

  it('are what waits for a slow reader: it gets how many calls were left out', async () => {
    const { lb, recording } = await record({ maxBufferedBytes: 1_024 })
    const reader = recording[Symbol.asyncIterator]()
    await calls(lb, 1_000)
    recording.stop()
    const { value = '' } = await reader.next()
    expect(value.length).toBeLessThan(1_500)
    expect(value).toMatch(/"end":"stopped","lost":9\d\d\}\n$/)
    await lb.close()
  })

  it('are the lists that wait, too: without a reader it ends', async () => {
    const discovery = new FakeWatchDiscovery(['a:1'])
    const { lb, recording, clock } = await record({ maxBufferedBytes: 1_024 }, { discovery })
    for (let change = 0; change < 1_000; change++) discovery.push([`h${change}:1`])
    await settlePromises()
    const { value = '' } = await recording[Symbol.asyncIterator]().next()
    expect(value.length).toBeLessThan(6_000)
    expect(value).toMatch(/"end":"bytes"\}\n$/)
    await lb.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('are the attempts of a call that makes them for ever', async () => {
    const { lb, recording, lines } = await record()
    const call = lb.startCall('users')
    for (let attempt = 0; attempt < 1_200; attempt++)
      call.tryAcquire()?.done({ ok: false, statusCode: 500, latencyMs: 1 })
    call.end({ ok: true, latencyMs: 1 })
    recording.stop()
    const written = (await lines()).find((line) => 'call' in line)
    expect(written?.['attempts']).toHaveLength(1_000)
    await lb.close()
  })

  it('are a load balancer that was closed before', async () => {
    const { lb, recording, clock } = await record()
    recording.stop()
    await lb.close()
    let text = ''
    for await (const chunk of recordTraffic(lb, { clock })) text += chunk
    expect(text).toMatch(/"end":"closed"\}\n$/)
    expect(clock.pendingTimers).toBe(0)
  })

  it('are its reader and its load balancer: neither is observed afterwards', async () => {
    const left = await record()
    const reading = (async () => {
      for await (const _chunk of left.recording) break
    })()
    await left.clock.advance(2_000)
    await reading
    await calls(left.lb, 5)
    const { done } = await left.recording[Symbol.asyncIterator]().next()
    expect(done).toBe(true)
    await left.lb.close()
    expect(left.clock.pendingTimers).toBe(0)

    const closed = await record()
    await closed.lb.close()
    expect((await closed.lines()).at(-1)).toMatchObject({ end: 'closed' })
    expect(closed.clock.pendingTimers).toBe(0)
  })

  it('gives whole lines within a second, and at once when many wait', async () => {
    const { clock, lb, recording } = await record()
    const reader = recording[Symbol.asyncIterator]()
    const first = reader.next()
    await clock.advance(1_000)
    expect((await first).value).toMatch(/^\{"recording":"lb-traffic","version":1\}\n[\s\S]*\}\n$/)
    const second = reader.next()
    await calls(lb, 2_000)
    const { value = '' } = await second
    expect(value.length).toBeGreaterThan(60_000)
    expect(value).toMatch(/\}\n$/)
    await lb.close()
  })

  it.each([
    [{ maxMs: 0 }, 'recordTraffic.maxMs'],
    [{ maxBytes: 10 }, 'recordTraffic.maxBytes'],
    [{ maxBufferedBytes: 1.5 }, 'recordTraffic.maxBufferedBytes'],
    [{ services: 'users' }, 'recordTraffic.services'],
    [{ metadata: [1] }, 'recordTraffic.metadata'],
    [{ clock: {} }, 'recordTraffic.clock'],
    [{ service: 'users' }, 'recordTraffic.service'],
  ])('%j is refused', async (options, option) => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({}) })
    expect(() => recordTraffic(lb, options as TrafficRecordingOptions)).toThrow(expect.objectContaining({ option }))
    expect(() => recordTraffic({} as LoadBalancer)).toThrow(/^lb must be a LoadBalancer/)
    await lb.close()
  })
})
