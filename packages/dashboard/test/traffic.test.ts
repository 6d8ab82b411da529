import { LoadBalancer, type LoadBalancerOptions, StaticDiscovery } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type CallStory, type CallsResponse, type Dashboard, dashboard, type ServiceResponse } from '../src/index.ts'
import { get } from './requests.ts'

let clock: FakeClock
let discovery: StaticDiscovery
let lb: LoadBalancer
let shown: Dashboard

async function use(options: Partial<LoadBalancerOptions> = {}): Promise<void> {
  lb = new LoadBalancer({ discovery, clock, random: () => 0.5, emptyGraceMs: 0, ...options })
  shown = dashboard(lb, { clock })
  await lb.ready('users')
}

beforeEach(() => {
  clock = new FakeClock()
  discovery = new StaticDiscovery({ users: ['10.0.0.1:80', '10.0.0.2:80'] })
})

afterEach(async () => {
  shown.close()
  await lb.close()
})

/** A call that takes so long. */
async function call(ms: number, failure?: Error): Promise<void> {
  const calling = lb.execute('users', async () => {
    await new Promise<void>((resolve) => clock.setTimeout(resolve, ms))
    if (failure !== undefined) throw failure
  })
  await Promise.all([calling.catch(() => {}), clock.advance(ms)])
}

async function service(): Promise<ServiceResponse> {
  return (await get<ServiceResponse>(shown, 'api/v1/services/users')).body
}

describe('what went through', () => {
  it('is counted as calls of the service and attempts on instances, within 12 %', async () => {
    await use()
    for (let index = 0; index < 98; index++) await call(20)
    await call(300, Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    await call(20)
    const { service: summary, instances } = await service()
    const { traffic } = summary
    expect(traffic.perSecond * traffic.seconds).toBeCloseTo(100, -1)
    expect(traffic.failuresPerSecond).toBeGreaterThan(0)
    expect(traffic.p50Ms).toBeGreaterThan(20 / 1.12)
    expect(traffic.p50Ms).toBeLessThan(20 * 1.12)
    expect(traffic.p99Ms).toBeLessThan(300 * 1.12)
    expect(instances.map(({ share }) => share.got)).toEqual([0.5, 0.5])
  })

  it('leaves the window: the last ten seconds are summed up, the last minute is drawn', async () => {
    await use()
    for (let second = 0; second < 5; second++) {
      await call(10)
      await clock.advance(990)
    }
    expect((await service()).history).toHaveLength(5)
    await clock.advance(30_000)
    const later = await service()
    expect(later.service.traffic).toMatchObject({ perSecond: 0, failuresPerSecond: 0 })
    expect(later.service.traffic).not.toHaveProperty('p50Ms')
    expect(later.history.reduce((sum, { count }) => sum + count, 0)).toBe(5)
    await clock.advance(600_000)
    const longAfter = await service()
    expect(longAfter.history.every(({ count }) => count === 0)).toBe(true)
    expect(longAfter.instances[0]?.share).toEqual({ wanted: 0.5 })
  })

  it('sets no timer, and nothing runs when nobody looks', async () => {
    await use()
    await call(5)
    await service()
    const withDashboard = clock.pendingTimers
    await lb.close()
    clock = new FakeClock()
    await use()
    shown.close()
    await call(5)
    expect(withDashboard).toBe(clock.pendingTimers)
  })

  it('goes away with the instance, though its last calls end after it', async () => {
    await use()
    const calls = [call(5), call(5)]
    discovery.set('users', ['10.0.0.2:80'])
    await Promise.all(calls)
    await clock.advance(300)
    discovery.set('users', ['10.0.0.1:80', '10.0.0.2:80'])
    await clock.advance(300)
    const { instances } = await service()
    const counted = new Map(instances.map(({ instance, traffic }) => [instance.id, traffic.perSecond > 0]))
    expect(counted.get('10.0.0.1:80')).toBe(false)
    expect(counted.get('10.0.0.2:80')).toBe(true)
  })

  it('goes away with the instance, and with the service', async () => {
    await use({ maxServices: 1 })
    for (let index = 0; index < 10; index++) await call(5)
    discovery.set('users', ['10.0.0.2:80'])
    discovery.set('users', ['10.0.0.1:80', '10.0.0.2:80'])
    await clock.advance(300)
    const { instances } = await service()
    expect(instances.find(({ instance }) => instance.id === '10.0.0.1:80')?.traffic.perSecond).toBe(0)
    discovery.set('orders', ['10.0.0.3:80'])
    await lb.ready('orders')
    await clock.advance(300)
    expect((await get(shown, 'api/v1/services/users')).status).toBe(404)
    await lb.ready('users')
    await clock.advance(300)
    expect((await service()).service.traffic).toEqual({ seconds: 0, perSecond: 0, failuresPerSecond: 0 })
  })

  it('is not kept for names that callers make up', async () => {
    await use({ firstListTimeoutMs: 1 })
    for (let index = 0; index < 50; index++) {
      const calling = lb.execute(`made-up-${index}`, async () => {}).catch(() => {})
      await clock.advance(10)
      await calling
    }
    const { body } = await get<CallsResponse>(shown, 'api/v1/calls?limit=200')
    expect(body.calls).toHaveLength(50)
    expect((await get(shown, 'api/v1/services/made-up-1')).status).toBe(404)
  })

  it('is no longer collected after close, and reads are refused', async () => {
    await use()
    shown.close()
    await call(5)
    const { status, body } = await get(shown, 'api/v1/services')
    expect({ status, code: body.error.code }).toEqual({ status: 503, code: 'CLOSED' })
  })

  it('ends with the load balancer', async () => {
    await use()
    await lb.close()
    expect((await get(shown, 'api/v1/calls')).status).toBe(503)
  })
})

describe('a call that failed', () => {
  it('has its story: every attempt with its instance, its time, and what became of it', async () => {
    await use({ retry: { maxRetries: 1, backoffBaseMs: 100, backoffMaxMs: 100 } })
    let attempts = 0
    const calling = lb.execute(
      'users',
      async () => {
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 20))
        attempts++
        throw Object.assign(new Error(`attempt ${attempts}`), { code: 'ECONNRESET', config: { token: 'hunter2' } })
      },
      { idempotent: true },
    )
    await Promise.all([calling.catch(() => {}), clock.advance(1_000)])
    const { body } = await get<CallsResponse>(shown, 'api/v1/calls?service=users')
    expect(body.calls).toMatchObject([
      {
        service: 'users',
        result: 'failed',
        attempts: 2,
        retries: 1,
        error: { message: 'attempt 2', code: 'ECONNRESET' },
      },
    ])
    const { body: story } = await get<CallStory>(shown, `api/v1/calls/${body.calls[0]?.call}`)
    expect(story.story).toMatchObject([
      { number: 1, kind: 'first', startedMs: 0, latencyMs: 20, outcome: 'failed', error: { message: 'attempt 1' } },
      { number: 2, kind: 'retry', latencyMs: 20, outcome: 'failed', error: { message: 'attempt 2' } },
    ])
    expect(new Set(story.story.map(({ instance }) => instance)).size).toBe(2)
    expect(JSON.stringify(story)).not.toContain('hunter2')
  })

  it('is kept as one of the last 200, and an older one is a 404 with those that are there', async () => {
    await use({ retry: false, outlierDetection: false })
    for (let index = 0; index < 230; index++) await call(1, new Error('x'.repeat(10_000)))
    const { body } = await get<CallsResponse>(shown, 'api/v1/calls?limit=200')
    expect(body.calls).toHaveLength(200)
    const numbers = body.calls.map((each) => each.call)
    expect(numbers).toEqual(numbers.toSorted((one, other) => other - one))
    expect(body.calls[0]?.error?.message.length).toBeLessThan(600)
    const { status, body: answer } = await get(shown, `api/v1/calls/${(numbers.at(-1) ?? 0) - 1}`)
    expect(status).toBe(404)
    expect(answer.error.known?.[0]).toBe(String(numbers[0]))
  })
})

describe('10 000 instances', () => {
  it('are read a page at a time, and looked at once for all who ask', async () => {
    discovery.set(
      'users',
      Array.from({ length: 10_000 }, (_, index) => `10.1.${index >> 8}.${index & 255}:80`),
    )
    await use()
    const inspected = vi.spyOn(lb, 'inspect')
    for (let asked = 0; asked < 20; asked++) {
      const { total, instances } = await service()
      expect({ total, shown: instances.length }).toEqual({ total: 10_000, shown: 100 })
      expect(JSON.stringify(instances).length).toBeLessThan(100_000)
    }
    expect(inspected).toHaveBeenCalledTimes(1)
    await clock.advance(300)
    await service()
    expect(inspected).toHaveBeenCalledTimes(2)
  })
})
