import { FakeClock, FakeDiscovery, FakeWatchDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type ExecuteOptions, LoadBalancer, type LoadBalancerOptions, type ServiceDiscovery } from '../src/index.ts'
import { refused, reset } from './observed-load-balancer.ts'

/** A load balancer whose instances `a` refuse connections, and calls of it. */
async function refusing(
  discovery: ServiceDiscovery,
  options: Partial<LoadBalancerOptions> = {},
): Promise<{
  readonly lb: LoadBalancer
  readonly clock: FakeClock
  readonly tried: string[]
  readonly execute: (options?: ExecuteOptions, error?: unknown) => Promise<string>
}> {
  const clock = new FakeClock()
  const lb = new LoadBalancer({ discovery, clock, random: () => 0, ...options })
  await lb.ready('users')
  const tried: string[] = []
  const execute = (callOptions: ExecuteOptions = {}, error: unknown = refused): Promise<string> =>
    lb.execute<string>(
      'users',
      ({ id, host }) => {
        tried.push(id)
        if (host === 'a') throw error
        return 'value'
      },
      callOptions as ExecuteOptions<string>,
    )
  return { lb, clock, tried, execute }
}

/** When `promise` settled, in milliseconds from now, and how. */
async function settling(clock: FakeClock, promise: Promise<unknown>): Promise<[ms: number, how: unknown]> {
  const startedAtMs = clock.now()
  let settled: [number, unknown] | undefined
  promise.then(
    (value) => {
      settled = [clock.now() - startedAtMs, value]
    },
    (error: unknown) => {
      settled = [clock.now() - startedAtMs, error]
    },
  )
  for (let ms = 0; ms < 10_000 && settled === undefined; ms += 10) await clock.advance(10)
  return settled ?? [Number.POSITIVE_INFINITY, 'still waits']
}

describe('a call that has no instance left to try', () => {
  it('goes on with the list that the registry has by now, beyond maxRetries and the budget', async () => {
    const discovery = new FakeDiscovery(['a:1', 'a:2', 'a:3', 'a:4'])
    const budget = { ratio: 0, minPerSecond: 0 }
    const { clock, execute, tried } = await refusing(discovery, { retry: { maxRetries: 1, budget } })
    discovery.answer = ['b:1']
    expect(await settling(clock, execute())).toEqual([0, 'value'])
    expect(tried).toEqual(['a:1', 'b:1'])
  })

  it('does so also after this process stood for long', async () => {
    const discovery = new FakeDiscovery(['a:1', 'a:2'])
    const { clock, execute, lb } = await refusing(discovery)
    const open = await lb.acquire('users')
    await clock.pause(8 * 3_600_000)
    await clock.advance(1_000)
    open.done({ ok: true, latencyMs: 1 })
    await clock.advance(20_000)
    discovery.answer = ['b:1']
    expect((await settling(clock, execute()))[1]).toBe('value')
  })

  it('waits for more than one answer, and no longer than 2 s', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { clock, execute } = await refusing(discovery)
    const late = settling(clock, execute())
    await clock.advance(1_200)
    discovery.answer = ['b:1']
    const [ms, how] = await late
    expect(how).toBe('value')
    expect(ms).toBeGreaterThan(1_000)
    discovery.answer = ['a:1']
    await clock.advance(60_000)
    const [failedMs, error] = await settling(clock, execute())
    expect(error).toBe(refused)
    expect(failedMs).toBeLessThanOrEqual(2_000)
  })

  it('gets its error before its deadline, and at once when the registry is not asked in time', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { clock, execute } = await refusing(discovery)
    discovery.answer = 'wait'
    const [ms, error] = await settling(clock, execute({ timeoutMs: 300 }))
    expect(error).toBe(refused)
    expect(ms).toBeLessThanOrEqual(300)
    discovery.release(['a:1'])
    discovery.answer = ['a:1']
    const waits: number[] = []
    for (let call = 0; call < 100; call++) {
      waits.push((await settling(clock, execute()))[0])
      await clock.advance(500)
    }
    expect(waits.filter((waitMs) => waitMs === 0).length).toBeGreaterThan(70)
    expect(Math.max(...waits)).toBeLessThanOrEqual(2_000)
  })

  it('takes an instance for new whose id stayed and whose address changed', async () => {
    const discovery = new FakeDiscovery([{ id: '1', host: 'a', port: 1 }])
    const { clock, execute, tried } = await refusing(discovery)
    discovery.answer = [{ id: '1', host: 'b', port: 1 }]
    expect((await settling(clock, execute()))[1]).toBe('value')
    expect(new Set(tried)).toEqual(new Set(['1']))
  })

  it.each<[string, ExecuteOptions, unknown]>([
    ['may have been sent', {}, reset],
    ['may have been sent, although it is idempotent', { idempotent: true }, reset],
    ['must not be repeated', { retry: false }, refused],
    ['got an answer', { idempotent: true }, Object.assign(new Error('503'), { name: 'AbortError' })],
  ])('does not wait when it %s', async (_, options, error) => {
    const discovery = new FakeDiscovery(['a:1'])
    const { clock, execute } = await refusing(discovery, { retry: { backoffBaseMs: 0 } })
    discovery.answer = 'wait'
    expect(await settling(clock, execute(options, error))).toEqual([0, error])
  })

  it('does not wait when there is but a list in code', async () => {
    const discovery = Object.assign(new FakeDiscovery(['a:1']), { refreshable: false })
    const { clock, execute } = await refusing(discovery)
    discovery.answer = 'wait'
    expect(await settling(clock, execute())).toEqual([0, refused])
    expect(discovery.asked).toBe(1)
  })

  it('ends with its error when the load balancer is closed, and with the reason of its signal', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { lb, clock, execute } = await refusing(discovery)
    discovery.answer = 'wait'
    const controller = new AbortController()
    const calls = Promise.allSettled([execute(), execute({ signal: controller.signal })])
    await clock.advance(100)
    const reason = new Error('enough')
    controller.abort(reason)
    await lb.close()
    expect(await calls).toMatchObject([{ reason: { code: 'ECONNREFUSED' } }, { reason }])
    await settlePromises()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a call of a service that has no instance any more', () => {
  it.each(['execute', 'acquire'] as const)('waits for one that comes: %s', async (method) => {
    const discovery = new FakeDiscovery(['b:1'])
    const { lb, clock, execute } = await refusing(discovery, { emptyGraceMs: 0 })
    discovery.answer = []
    await lb.refresh('users')
    const call = method === 'execute' ? execute() : lb.acquire('users').then(({ instance }) => instance.id)
    const settled = settling(clock, call)
    await clock.advance(300)
    discovery.answer = ['b:2']
    expect((await settled)[1]).toBe(method === 'execute' ? 'value' : 'b:2')
  })

  it('is refused at once when there never was one', async () => {
    const discovery = new FakeWatchDiscovery([])
    const { clock, execute } = await refusing(discovery, { services: { users: {} } })
    expect(await settling(clock, execute())).toMatchObject([0, { code: 'LB_NO_AVAILABLE_INSTANCE' }])
    expect(discovery.asked).toBe(0)
  })
})

describe('an instance that cannot be reached', () => {
  it.each(['acquire', 'a failed check'])('makes the registry be asked: %s', async (how) => {
    const discovery = new FakeDiscovery(['a:1', 'b:1'])
    const probe = async (): Promise<{ healthy: boolean }> => ({ healthy: how === 'acquire' })
    const healthCheck = { probe, intervalMs: 100, unhealthyThreshold: 1 }
    const { lb, clock } = await refusing(discovery, { healthCheck })
    const before = discovery.asked
    if (how === 'acquire') (await lb.acquire('users')).done({ ok: false, latencyMs: 1, error: refused })
    await clock.advance(2_000)
    expect(discovery.asked).toBeGreaterThan(before)
    await lb.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('lb.refresh', () => {
  it('resolves when the list of the registry is applied', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { lb } = await refusing(discovery)
    discovery.answer = ['b:1']
    await lb.refresh('users')
    expect(lb.pick('users').id).toBe('b:1')
  })

  it('asks for every service in use, and for one that was not used before', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { lb } = await refusing(discovery, { services: { users: {}, unused: {} } })
    await lb.ready('orders')
    discovery.answer = ['b:1']
    await lb.refresh()
    expect([lb.pick('users').id, lb.pick('orders').id, lb.inspect('unused').status]).toEqual(['b:1', 'b:1', 'unused'])
    await lb.refresh('unused')
    expect(lb.pick('unused').id).toBe('b:1')
  })

  it('rejects with what the discovery says; names that are none; and after close', async () => {
    const discovery = new FakeDiscovery(['a:1'])
    const { lb } = await refusing(discovery)
    const down = new Error('down')
    discovery.answer = down
    await expect(lb.refresh()).rejects.toBe(down)
    await expect(lb.refresh('')).rejects.toMatchObject({ code: 'LB_INVALID_OPTION' })
    await lb.close()
    await expect(lb.refresh()).rejects.toMatchObject({ code: 'LB_CLOSED' })
    await expect(lb.refresh('users')).rejects.toMatchObject({ code: 'LB_CLOSED' })
  })
})
