import { settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { AttemptInfo, CallInfo, CallResult, LoadBalancerOptions, Outcome } from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'

const two = ['a:1', 'b:1']
const ok = { ok: true, latencyMs: 1 }
const failed: Outcome = { ok: false, latencyMs: 1, error: refused }

/** A load balancer with an observer that keeps what it got. */
class StartedCalls extends ObservedLoadBalancer {
  readonly calls: CallInfo[] = []
  readonly attempts: AttemptInfo[] = []
  readonly ended: Outcome[] = []
  readonly results: CallResult[] = []

  constructor(options: Partial<LoadBalancerOptions> = {}, instances: readonly string[] = two) {
    super(instances, { outlierDetection: false, ...options })
    this.lb.observe({
      startCall: (info) => {
        this.calls.push(info)
        return {
          startAttempt: (attempt) => {
            this.attempts.push(attempt)
            return { run: (send) => send(), end: (outcome) => this.ended.push(outcome) }
          },
          end: (result) => this.results.push(result),
        }
      },
    })
  }

  expectOne(expected: Partial<CallResult>): void {
    const finished = this.eventsOf('call-finished')
    expect(finished).toEqual([expect.objectContaining(expected)])
    expect(this.results).toEqual([expect.objectContaining(expected)])
    expect(new Set(this.eventsOf('request-finished').map(({ call }) => call)).size).toBeLessThanOrEqual(1)
  }
}

describe('startCall', () => {
  it('makes one call of all its attempts', async () => {
    const observed = new StartedCalls()
    await observed.lb.ready('users')
    const call = observed.lb.startCall('users', { idempotent: true })
    call.tryAcquire()?.done(failed)
    await observed.clock.advance(5)
    const beside = call.tryAcquire({ avoid: new Set(['a:1']) })
    const hedge = call.tryAcquire({}, 'hedge')
    beside?.done(ok)
    await observed.clock.advance(5)
    call.end(ok)
    await observed.clock.advance(5)
    expect(observed.results).toEqual([])
    hedge?.done({ ok: false, latencyMs: 1, cancelled: true, blame: 'none' })
    observed.expectOne({ result: 'ok', attempts: 3, retries: 1, hedges: 1, durationMs: 10, inFlightMs: 15 })
    expect(observed.calls).toEqual([{ service: 'users', call: 1, idempotent: true }])
    expect(observed.attempts.map(({ number, kind }) => [number, kind])).toEqual([
      [1, 'first'],
      [2, 'retry'],
      [3, 'hedge'],
    ])
    expect(observed.ended.map((outcome) => outcome.ok)).toEqual([false, true, false])
    expect(observed.inFlight).toBe(0)
  })

  it('ends once', async () => {
    const observed = new StartedCalls()
    const call = observed.lb.startCall('users', { idempotent: false })
    await call.ready()
    const picked = await call.acquire()
    picked.done(failed)
    call.end(failed)
    call.end(ok)
    observed.expectOne({ result: 'failed', attempts: 1, retries: 0, error: refused })
  })

  it('was refused if nothing was sent, and cancelled if its caller gave it up', async () => {
    const refusedCall = new StartedCalls()
    refusedCall.lb.startCall('users', { idempotent: false }).end(failed)
    refusedCall.expectOne({ result: 'refused', attempts: 0, error: refused })
    const cancelled = new StartedCalls()
    cancelled.lb.startCall('users', { idempotent: false }).end({ ok: false, latencyMs: 0, cancelled: true })
    cancelled.expectOne({ result: 'cancelled', attempts: 0 })
  })

  it('counts its waits, for the list and for room', async () => {
    let list: (instances: string[]) => void = () => {}
    const instances = new Promise<string[]>((resolve) => {
      list = resolve
    })
    const observed = new StartedCalls({ discovery: { getInstances: () => instances }, maxInFlight: 1 })
    const call = observed.lb.startCall('users', { idempotent: false })
    expect(call.tryAcquire()).toBeUndefined()
    const ready = call.ready()
    await observed.clock.advance(20)
    list(two)
    await ready
    const other = observed.lb.tryAcquire('users')
    const waiting = call.acquire()
    await observed.clock.advance(30)
    other?.done(ok)
    const picked = await waiting
    picked.done(ok)
    call.end(ok)
    expect(observed.eventsOf('call-finished').at(-1)).toMatchObject({ result: 'ok', queuedMs: 50, attempts: 1 })
  })

  it('counts from the first response on, as a stream goes on', async () => {
    const observed = new StartedCalls()
    await observed.lb.ready('users')
    const call = observed.lb.startCall('users', { idempotent: false })
    const picked = call.tryAcquire()
    await observed.clock.advance(3)
    picked?.answered(ok)
    await observed.clock.advance(7)
    picked?.done(ok)
    call.end(ok)
    observed.expectOne({ result: 'ok', durationMs: 3, inFlightMs: 10 })
  })

  it.each([
    [null, 'call must be an object, got null (object)'],
    [7, 'call must be an object, got 7 (number)'],
    [{ idempotent: 'yes' }, 'call.idempotent must be a boolean, got "yes" (string)'],
    [{ idempotnt: true }, 'call.idempotnt is not a known option. Did you mean idempotent?'],
  ])('refuses %j, observed or not', (given, message) => {
    for (const { lb } of [new StartedCalls(), new ObservedLoadBalancer(two)]) {
      expect(() => lb.startCall('users', given as never)).toThrow(
        expect.objectContaining({ code: 'LB_INVALID_OPTION', message }),
      )
    }
  })

  it('goes on while the load balancer drains, between two attempts too', async () => {
    const observed = new StartedCalls()
    await observed.lb.ready('users')
    const call = observed.lb.startCall('users', { idempotent: true })
    call.tryAcquire()?.done(failed)
    let closed = false
    const closing = observed.lb.close({ drainMs: 1_000 }).then(() => {
      closed = true
    })
    await settlePromises()
    expect(() => observed.lb.startCall('users', { idempotent: true })).toThrow(
      expect.objectContaining({ code: 'LB_CLOSED' }),
    )
    expect(closed).toBe(false)
    call.tryAcquire()?.done(ok)
    call.end(ok)
    await closing
    expect(observed.eventsOf('call-finished')[0]).toMatchObject({ result: 'refused' })
    expect(observed.eventsOf('call-finished')[1]).toMatchObject({ result: 'ok', attempts: 2, retries: 1 })
  })

  it('takes no instance once the load balancer is closed', async () => {
    const observed = new StartedCalls()
    await observed.lb.ready('users')
    const call = observed.lb.startCall('users', { idempotent: true })
    await observed.lb.close()
    expect(() => call.tryAcquire()).toThrow(expect.objectContaining({ code: 'LB_CLOSED' }))
    await expect(call.acquire()).rejects.toMatchObject({ code: 'LB_CLOSED' })
    call.end(failed)
  })

  it('gives no instance after its end, and counts none', async () => {
    const observed = new StartedCalls()
    await observed.lb.ready('users')
    const call = observed.lb.startCall('users', { idempotent: true })
    call.tryAcquire()?.done(ok)
    call.end(ok)
    const ended = { code: 'LB_NO_AVAILABLE_INSTANCE', message: expect.stringContaining('this call has ended') }
    expect(() => call.tryAcquire()).toThrow(expect.objectContaining(ended))
    await expect(call.acquire()).rejects.toMatchObject(ended)
    expect(observed.inFlight).toBe(0)
    observed.expectOne({ result: 'ok', attempts: 1 })
  })

  it('gives back what it waited for when it ends meanwhile', async () => {
    const observed = new StartedCalls({ maxInFlight: 1 })
    await observed.lb.ready('users')
    const other = observed.lb.tryAcquire('users')
    const call = observed.lb.startCall('users', { idempotent: true })
    const waiting = call.acquire()
    call.end(failed)
    other?.done(ok)
    await expect(waiting).rejects.toMatchObject({ code: 'LB_NO_AVAILABLE_INSTANCE' })
    expect(observed.inFlight).toBe(0)
    expect(observed.attempts.length).toBe(1)
    expect(observed.eventsOf('request-finished').map(({ outcome }) => outcome.ok)).toEqual([true, false])
  })

  it('says whether load reports are read', () => {
    const reads = (options: Partial<LoadBalancerOptions>): boolean =>
      new StartedCalls(options).lb.startCall('users').readsLoadReports
    expect([reads({}), reads({ loadReports: {} })]).toEqual([false, true])
  })

  it('may be ended after an outcome that is none was refused, and need not say what it is', async () => {
    const observed = new StartedCalls()
    await observed.lb.ready('users')
    const call = observed.lb.startCall('users')
    for (const outcome of [undefined, {}, { ok: true }]) {
      expect(() => call.end(outcome as never)).toThrow(expect.objectContaining({ option: 'StartedCall.end.outcome' }))
    }
    call.end(ok)
    expect(observed.eventsOf('call-finished')).toEqual([expect.objectContaining({ result: 'ok' })])
    expect(observed.calls).toEqual([expect.objectContaining({ idempotent: false })])
    await observed.lb.close()
  })
})
