import { describe, expect, it } from 'vitest'
import type { ExecuteOptions, LoadBalancerOptions } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

const four = ['a:1', 'b:1', 'c:1', 'd:1']

/** Instances that answer after `latencyMs`, except those that are `silent`: they take requests and never answer. */
class SilentService extends ObservedLoadBalancer {
  readonly silent: Set<string> = new Set()
  readonly given: string[] = []
  readonly failed: unknown[] = []
  latencyMs = 20

  constructor(instances: readonly string[] = four, options: Partial<LoadBalancerOptions> = {}) {
    super(instances, { outlierDetection: { jitter: 0 }, ...options })
  }

  call(options: ExecuteOptions<string> = {}, latencyMs = this.latencyMs): void {
    this.lb
      .execute(
        'users',
        ({ id }) =>
          new Promise<string>((resolve) => {
            if (!this.silent.has(id)) this.clock.setTimeout(() => resolve(id), latencyMs)
          }),
        options,
      )
      .then(
        (id) => this.given.push(id),
        (error: unknown) => this.failed.push(error),
      )
  }

  /** A call every `everyMs` for `forMs`. */
  async run(forMs: number, options: ExecuteOptions<string> = {}, everyMs = 10): Promise<void> {
    for (let passed = 0; passed < forMs; passed += everyMs) {
      this.call(options)
      await this.clock.advance(everyMs)
    }
  }

  async warmedUp(): Promise<this> {
    await this.run(500, { idempotent: true })
    await this.clock.advance(100)
    this.given.length = 0
    return this
  }
}

describe('an instance that takes requests and never answers', () => {
  it('is ejected within a second while others answer, and its idempotent calls succeed elsewhere', async () => {
    const service = await new SilentService().warmedUp()
    service.silent.add('a:1')
    const startedMs = service.clock.now()
    await service.run(1_000, { idempotent: true })
    expect(service.states['a:1']).toBe('ejected')
    const [ejection] = service.eventsOf('instance-ejected')
    expect(ejection).toMatchObject({ reason: 'no-answer', enforced: true })
    expect(ejection?.detail).toMatch(/^no answer for \d+ ms, while others answer$/)
    const forMs = service.lb.inspect('users').instances[0]?.forMs ?? 0
    expect(service.clock.now() - forMs - startedMs).toBeLessThan(1_000)
    await service.clock.advance(1_000)
    expect(service.failed).toEqual([])
    expect(service.given).toHaveLength(100)
    expect(service.given).not.toContain('a:1')
    expect(service.inFlight).toBe(0)
    const left = service.eventsOf('retry')
    expect(left.length).toBeGreaterThan(5)
    // Only those that waited for it, and at most a quarter of what was sent until then.
    for (const { instance, error } of left) {
      expect(instance.id).toBe('a:1')
      expect(error).toMatchObject({
        code: 'LB_DEADLINE_EXCEEDED',
        message: expect.stringContaining('a:1 answered nothing'),
      })
    }
    expect(left.length).toBeLessThanOrEqual(25)
  })

  it('keeps calls that may not be repeated until their deadline', async () => {
    const service = await new SilentService().warmedUp()
    service.silent.add('a:1')
    await service.run(1_000, { timeoutMs: 5_000 })
    expect(service.states['a:1']).toBe('ejected')
    expect(service.inFlight).toBeGreaterThan(5)
    await service.clock.advance(3_000)
    expect(service.failed).toEqual([])
    await service.clock.advance(2_000)
    expect(service.failed.length + service.given.length).toBe(100)
    for (const error of service.failed) expect(error).toMatchObject({ code: 'LB_DEADLINE_EXCEEDED' })
    expect(service.inFlight).toBe(0)
  })

  it('is left by no more calls than the retry budget allows', async () => {
    const budget = { ratio: 0, minPerSecond: 0.5, windowMs: 10_000 }
    const service = await new SilentService(four, { retry: { budget } }).warmedUp()
    service.silent.add('a:1')
    await service.run(1_000, { idempotent: true, timeoutMs: 20_000 })
    expect(service.states['a:1']).toBe('ejected')
    // 0.5 per second over 10 s.
    expect(service.eventsOf('retry')).toHaveLength(5)
    // Few more went there: it is passed over. But those wait.
    expect(service.inFlight).toBeGreaterThan(0)
    await service.clock.advance(20_000)
    expect(service.inFlight).toBe(0)
    expect(service.given.length + service.failed.length).toBe(100)
  })

  it('costs no call when it is tried too early: the probe moves on as well', async () => {
    const service = await new SilentService(four, { outlierDetection: { jitter: 0, baseEjectionMs: 5_000 } }).warmedUp()
    service.silent.add('a:1')
    await service.run(8_000, { idempotent: true, timeoutMs: 2_000 })
    await service.clock.advance(2_000)
    expect(service.failed).toEqual([])
    const reasons = service.eventsOf('instance-ejected').map(({ reason }) => reason)
    expect(reasons).toEqual(['no-answer', 'failed-probe'])
    expect(service.states['a:1']).toBe('ejected')
    expect(service.inFlight).toBe(0)
  })

  it('is left by its calls also while the cap keeps it in', async () => {
    const service = await new SilentService([...four, 'e:1', 'f:1', 'g:1', 'h:1']).warmedUp()
    service.silent.add('a:1').add('b:1')
    await service.run(3_000, { idempotent: true, timeoutMs: 2_000 })
    await service.clock.advance(2_000)
    expect(service.eventsOf('instance-ejected').map(({ enforced }) => enforced)).toEqual([true, false])
    // Another eighth of the calls, for which the budget has enough.
    expect(service.failed).toEqual([])
  })

  it('is told from one whose answers are still being read', async () => {
    const service = await new SilentService().warmedUp()
    const open = new Promise<void>(() => {})
    for (let stream = 0; stream < 12; stream++) {
      void service.lb.execute('users', (_instance, context) => context.until(open), { idempotent: true })
    }
    await service.run(3_000, { idempotent: true, avoid: new Set(['a:1']) })
    expect(service.eventsOf('instance-ejected')).toEqual([])
    expect(service.failed).toEqual([])
  })

  it('is left by calls that have a retry left, and by no others', async () => {
    const service = await new SilentService().warmedUp()
    service.silent.add('a:1')
    await service.run(1_000, { idempotent: true, retry: false, timeoutMs: 10_000 })
    expect(service.states['a:1']).toBe('ejected')
    expect(service.eventsOf('retry')).toEqual([])
    await service.clock.advance(10_000)
    expect(service.failed.length).toBeGreaterThan(5)
  })

  it('is out until a probe is answered', async () => {
    const service = await new SilentService().warmedUp()
    service.silent.add('a:1')
    // These stay in flight for ever: lost in the failure, no deadline.
    await service.run(1_000)
    const lost = service.inFlight
    expect(lost).toBeGreaterThan(5)
    service.silent.clear()
    service.latencyMs = 300
    await service.clock.advance(30_000)
    expect(service.states['a:1']).toBe('half-open')
    // The probe takes longer than a look: what is lost must not be taken for its silence.
    await service.run(1_000, { idempotent: true })
    expect(service.states['a:1']).toBe('available')
    expect(service.eventsOf('instance-ejected')).toHaveLength(1)
  })

  it('keeps the one call that tries it in vain no longer than any other, and that is its verdict', async () => {
    const service = await new SilentService().warmedUp()
    service.silent.add('a:1')
    await service.run(1_000, { idempotent: true })
    await service.clock.advance(30_000)
    expect(service.states['a:1']).toBe('half-open')
    service.call({ idempotent: true })
    await service.clock.advance(500)
    expect(service.given).toHaveLength(100)
    expect(service.inFlight).toBe(1)
    await service.clock.advance(300)
    expect(service.given).toHaveLength(101)
    expect(service.states['a:1']).toBe('ejected')
    expect(service.eventsOf('instance-ejected').at(-1)?.reason).toBe('failed-probe')
    expect(service.inFlight).toBe(0)
    expect(service.failed).toEqual([])
  })

  it('is not ejected again for requests that were lost in a failure that is over', async () => {
    const service = await new SilentService(four, { balancer: 'least-request' }).warmedUp()
    service.silent.add('a:1')
    for (let call = 0; call < 6; call++) service.call({ avoid: new Set(['b:1', 'c:1', 'd:1']) })
    await service.run(1_000)
    expect(service.states['a:1']).toBe('ejected')
    service.silent.clear()
    await service.clock.advance(30_000)
    await service.run(200, { idempotent: true })
    expect(service.states['a:1']).toBe('available')
    // Least request keeps away from it while those that are lost count: it answers little or nothing, as nobody asks.
    await service.run(10_000)
    expect(service.eventsOf('instance-ejected')).toHaveLength(1)
  })
})

describe('nothing is concluded', () => {
  it('when all instances are silent', async () => {
    const service = await new SilentService().warmedUp()
    for (const id of four) service.silent.add(id)
    await service.run(3_000, { idempotent: true, timeoutMs: 10_000 })
    expect(service.eventsOf('instance-ejected')).toEqual([])
    expect(new Set(Object.values(service.states))).toEqual(new Set(['available']))
    await service.lb.close()
  })

  it('from one slow call, nor from two', async () => {
    const service = await new SilentService(['a:1', 'b:1']).warmedUp()
    service.call({}, 30_000)
    service.call({}, 30_000)
    service.call({}, 30_000)
    service.call({}, 30_000)
    // Two on each; all others go to b.
    for (let call = 0; call < 1_000; call++) {
      service.call({ avoid: new Set(['a:1']) })
      await service.clock.advance(10)
    }
    expect(service.eventsOf('instance-ejected')).toEqual([])
  })

  it('in a service whose answers always take long', async () => {
    const service = new SilentService()
    service.latencyMs = 30_000
    // Long polling: each instance has 75 requests in flight, and answers come once a while.
    for (let call = 0; call < 300; call++) {
      service.call({ idempotent: true }, 20_000 + ((call * 7_919) % 20_000))
      await service.clock.advance(400)
    }
    await service.clock.advance(60_000)
    expect(service.eventsOf('instance-ejected')).toEqual([])
    expect(service.given).toHaveLength(300)
  })

  it('from open streams: requests that are older than the last answer of their instance', async () => {
    const service = await new SilentService(['a:1', 'b:1']).warmedUp()
    for (let call = 0; call < 20; call++) service.call({}, 1_000_000)
    await service.clock.advance(1)
    await service.run(200)
    // From now on only b is asked; a has ten open requests, all older than its last answer.
    for (let call = 0; call < 500; call++) {
      service.call({ avoid: new Set(['a:1']) })
      await service.clock.advance(10)
    }
    expect(service.eventsOf('instance-ejected')).toEqual([])
  })

  it('with noAnswer: false', async () => {
    const service = await new SilentService(four, { outlierDetection: { noAnswer: false } }).warmedUp()
    service.silent.add('a:1')
    await service.run(3_000, { idempotent: true })
    expect(service.states['a:1']).toBe('available')
  })

  it('while idle: there is no timer', async () => {
    const service = await new SilentService().warmedUp()
    // The window in which failures are counted ends, too.
    await service.clock.advance(30_000)
    expect(service.clock.pendingTimers).toBe(0)
    for (let call = 0; call < 9; call++) service.call()
    expect(service.clock.pendingTimers).toBeGreaterThan(0)
    await service.lb.close()
    await service.clock.advance(100)
    expect(service.clock.pendingTimers).toBe(0)
  })
})
