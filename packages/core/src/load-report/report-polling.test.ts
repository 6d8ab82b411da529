import { FakeClock, settlePromises } from '@lb/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { parseInstance, type ServiceInstance } from '../instance/instance.ts'
import type { LoadReport } from '../instance/outcome.ts'
import type { LoadReportPollOptions } from './poll-options.ts'
import { ReportPolling } from './report-polling.ts'

const report: LoadReport = { cpuUtilization: 0.5, rpsFractional: 10 }

function polled(count: number, options: LoadReportPollOptions = {}) {
  const clock = new FakeClock()
  const records = new Map<string, { instance: ServiceInstance }>()
  for (let number = 0; number < count; number++) {
    const instance = parseInstance({ host: `h${number}`, port: 80 })
    records.set(instance.id, { instance })
  }
  const reports: [id: string, report: LoadReport][] = []
  const polling = new ReportPolling({
    ...options,
    clock,
    random: () => 0.5,
    instances: () => records,
    onReport: (instance, told) => reports.push([instance.id, told]),
  })
  polling.start()
  return { clock, records, reports, polling }
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    await clock.advance(100)
    await settlePromises()
  }
}

afterEach(() => vi.unstubAllGlobals())

describe('ReportPolling', () => {
  it('asks every instance once in an interval, one after the other, until it is closed', async () => {
    const asked: string[] = []
    const { clock, reports, polling } = polled(4, {
      report: async ({ id }) => {
        asked.push(id)
        return report
      },
    })
    await pass(clock, 40_000)
    const counts = ['h0:80', 'h1:80', 'h2:80', 'h3:80'].map((id) => asked.filter((each) => each === id).length)
    for (const each of counts) expect([4, 5, 6]).toContain(each)
    expect(reports).toHaveLength(asked.length)
    expect(clock.pendingForegroundTimers).toBe(0)
    polling.close()
    await pass(clock, 40_000)
    expect(reports).toHaveLength(asked.length)
    expect(clock.pendingTimers).toBe(0)
  })

  it('bounds what is in flight, and the requests that begin in a second', async () => {
    let inFlight = 0
    let most = 0
    let begun = 0
    const { clock, polling } = polled(5_000, {
      intervalMs: 100,
      timeoutMs: 500,
      report: ({ id }, { signal }) => {
        begun++
        most = Math.max(most, ++inFlight)
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            inFlight--
            reject(new Error(id))
          })
        })
      },
    })
    await clock.advance(1_000)
    expect(most).toBe(64)
    expect(begun).toBeLessThanOrEqual(3 * 64)
    polling.close()
    await settlePromises()
    expect([inFlight, clock.pendingTimers]).toEqual([0, 0])
  })

  it('takes what fails, throws or lies for no report, and goes on', async () => {
    let number = 0
    const answers = [
      () => Promise.reject(new Error('refused')),
      () => {
        throw new Error('thrown')
      },
      async () => undefined,
      async () => report,
    ]
    const { clock, reports, polling } = polled(1, { intervalMs: 100, report: () => answers[number++ % 4]?.() as never })
    await pass(clock, 1_200)
    expect(reports.length).toBeGreaterThanOrEqual(2)
    polling.close()
  })

  it('asks newcomers, and neither those that are gone nor, without any, anybody', async () => {
    const asked: string[] = []
    const { clock, records, polling } = polled(2, {
      intervalMs: 1_000,
      report: async ({ id }) => {
        asked.push(id)
        return undefined
      },
    })
    await pass(clock, 2_000)
    records.clear()
    asked.length = 0
    await pass(clock, 5_000)
    expect([asked, clock.pendingTimers]).toEqual([[], 0])
    const instance = parseInstance('new:80')
    records.set(instance.id, { instance })
    polling.start()
    await pass(clock, 2_000)
    expect(asked).toContain('new:80')
    polling.close()
  })

  it.each<[string, Response, unknown]>([
    ['a header', new Response('ok', { headers: { 'endpoint-load-metrics': 'TEXT cpu_utilization=0.5' } }), 0.5],
    ['a body in the form of the header', new Response('TEXT cpu_utilization=0.5\n'), 0.5],
    ['a JSON object', new Response('{"cpu_utilization":0.5}'), 0.5],
    ['a body with JSON before it', new Response('JSON {"cpuUtilization":0.5}'), 0.5],
    ['a page', new Response('<html>'), undefined],
    ['a body without an end', new Response(`{"cpu_utilization":0.5${' '.repeat(5_000)}}`), undefined],
    ['an error', new Response('{"cpu_utilization":0.5}', { status: 404 }), undefined],
  ])('reads %s', async (_name, response, expected) => {
    const requested: unknown[] = []
    vi.stubGlobal('fetch', async (url: string, { headers }: { headers: unknown }) => {
      requested.push(url, headers)
      return response
    })
    const { clock, reports, polling } = polled(1, { path: '/load?x=1', port: 9_000 })
    await clock.advance(15_000)
    for (let turn = 0; turn < 20; turn++) await settlePromises()
    expect(requested.slice(0, 2)).toEqual(['http://h0:9000/load?x=1', { 'endpoint-load-metrics-format': 'text' }])
    expect(reports[0]?.[1].cpuUtilization).toBe(expected)
    polling.close()
  })
})
