import { FakeClock, instance, settlePromises } from '@lb/testing'
import { describe, expect, it, vi } from 'vitest'
import { DeadlineExceededError } from '../base/errors.ts'
import type { Outcome } from '../instance/outcome.ts'
import { type AttemptResult, classifyError } from '../retry/classification.ts'
import { Attempt, type AttemptedCall, type AttemptOptions } from './attempt.ts'
import type { AttemptContext } from './attempt-context.ts'
import { CallScope } from './scope.ts'

const a = instance('a')

interface Watched {
  readonly attempt: Attempt<unknown>
  readonly clock: FakeClock
  readonly scope: CallScope
  readonly outcomes: Outcome[]
  readonly discarded: unknown[]
  readonly classified: unknown[]
}

function watched(
  options: Partial<AttemptOptions<unknown> & AttemptedCall<unknown>> = {},
  signal?: AbortSignal,
): Watched {
  const clock = new FakeClock()
  const scope = new CallScope({ clock, service: 'users', signal, timeoutMs: Number.POSITIVE_INFINITY })
  const outcomes: Outcome[] = []
  const discarded: unknown[] = []
  const classified: unknown[] = []
  const attempt = new Attempt<unknown>({
    service: 'users',
    clock,
    scope,
    number: 1,
    previous: [],
    picked: { instance: a, begun: () => {}, observed: undefined, end: (outcome) => void outcomes.push(outcome) },
    timeoutMs: Number.POSITIVE_INFINITY,
    loadReports: undefined,
    call: {
      classify: (result) => {
        classified.push(result)
        return { result, classification: result.ok ? { ok: true, retry: 'never' } : classifyError(result.error) }
      },
      discard: (value) => void discarded.push(value),
      callbackFailed: () => {},
      canMove: () => false,
      isAccompanied: () => false,
      trySecond: () => false,
      moveOn: () => {},
      ...options,
    },
    ...options,
  })
  return { attempt, clock, scope, outcomes, discarded, classified }
}

/** What the function of an attempt was given, and the means to end it. */
function open(): {
  start: (_instance: unknown, context: AttemptContext) => Promise<unknown>
  context: () => AttemptContext
  resolve: (value: unknown) => void
} {
  let given: AttemptContext | undefined
  let resolve: (value: unknown) => void = () => {}
  return {
    start: (_instance, context) => {
      given = context
      return new Promise((yes) => {
        resolve = yes
      })
    },
    context: () => given as AttemptContext,
    resolve: (value) => resolve(value),
  }
}

describe('an attempt', () => {
  it('gives what its function gives, and how long that took', async () => {
    const { attempt, clock, outcomes } = watched()
    const { start, resolve } = open()
    expect(attempt.latencyMs).toBeNaN()
    const settled = attempt.run(start)
    await clock.advance(120)
    resolve('value')
    expect(await settled).toMatchObject({ attempt, result: { ok: true, value: 'value' }, classification: { ok: true } })
    expect(attempt.latencyMs).toBe(120)
    attempt.done()
    expect(outcomes).toEqual([{ ok: true, latencyMs: 120 }])
  })

  it.each([
    ['a rejection', () => Promise.reject(new Error('failed'))],
    [
      'a synchronous throw',
      () => {
        throw new Error('failed')
      },
    ],
  ])('never rejects, also not by %s, and leaves no timer', async (_name, start) => {
    const { attempt, clock } = watched({ timeoutMs: 100 })
    expect(await attempt.run(start)).toMatchObject({ result: { ok: false, error: { message: 'failed' } } })
    expect(clock.pendingTimers).toBe(0)
  })

  it('is ended by its time limit, and that is the instance’s failure', async () => {
    const { attempt, clock, outcomes, discarded } = watched({ timeoutMs: 100 })
    const { start, context, resolve } = open()
    const settled = attempt.run(start)
    const { signal } = context()
    await clock.advance(100)
    const { result } = await settled
    expect(result).toMatchObject({ error: expect.any(DeadlineExceededError) })
    expect(signal.reason).toBe((result as { error: unknown }).error)
    attempt.done()
    expect(outcomes).toEqual([{ ok: false, latencyMs: 100, error: signal.reason }])
    resolve('late')
    await settlePromises()
    expect(discarded).toEqual(['late'])
  })

  it('does not begin when it was interrupted before', async () => {
    const { attempt } = watched()
    const start = vi.fn()
    attempt.interrupt(new Error('gone'))
    expect(await attempt.run(start)).toMatchObject({ result: { error: { message: 'gone' } } })
    expect(start).not.toHaveBeenCalled()
    expect(attempt.signal.aborted).toBe(true)
  })

  it('tells every listener once why it is ended, also after it settled and when that was before they asked', async () => {
    const { attempt } = watched()
    const { start, context, resolve } = open()
    const told: unknown[] = []
    const settled = attempt.run(start)
    context().onInterrupt((reason) => told.push(['first', reason]))
    context().onInterrupt((reason) => told.push(['second', reason]))
    resolve('a response whose body is still read')
    expect((await settled).result.ok).toBe(true)
    expect(told).toEqual([])
    attempt.interrupt('gone')
    attempt.interrupt('again')
    context().onInterrupt((reason) => told.push(['late', reason]))
    expect(told).toEqual([
      ['first', 'gone'],
      ['second', 'gone'],
      ['late', 'gone'],
    ])
  })

  it('is ended although a listener throws, and the others are called', async () => {
    const failed: unknown[] = []
    const { attempt } = watched({ callbackFailed: (...args) => void failed.push(args) })
    const { start, context } = open()
    const settled = attempt.run(start)
    const mistake = new Error('a mistake')
    const throwing = (): void => {
      throw mistake
    }
    const heard: unknown[] = []
    context().onInterrupt(throwing)
    context().onInterrupt((reason) => heard.push(reason))
    attempt.interrupt('gone')
    context().onInterrupt(throwing)
    expect((await settled).result).toEqual({ ok: false, error: 'gone' })
    expect(heard).toEqual(['gone'])
    expect(failed).toEqual([
      ['onInterrupt', mistake],
      ['onInterrupt', mistake],
    ])
  })

  it('makes its signal only when it is asked for, and keeps the first reason', async () => {
    const { attempt } = watched()
    const { start, context } = open()
    const settled = attempt.run(start)
    attempt.interrupt('first')
    attempt.interrupt('second')
    expect(context().signal.reason).toBe('first')
    expect((await settled).result).toEqual({ ok: false, error: 'first' })
  })
})

describe('a cancelled attempt', () => {
  it('is nobody’s fault, and is not classified', async () => {
    const { attempt, outcomes, classified } = watched()
    const settled = attempt.run(open().start)
    attempt.cancel('slower')
    expect(await settled).toMatchObject({ classification: { ok: false, retry: 'never' } })
    attempt.done()
    expect(outcomes).toEqual([{ ok: false, latencyMs: 0, error: 'slower', cancelled: true }])
    expect([attempt.cancelled, classified]).toEqual([true, []])
  })

  it('was not cancelled when it took too long before', async () => {
    const { attempt, outcomes, clock } = watched({ timeoutMs: 50 })
    const settled = attempt.run(open().start)
    clock.advanceSync(50)
    attempt.cancel('slower')
    await settled
    attempt.done()
    expect(attempt.cancelled).toBe(false)
    expect(outcomes[0]).not.toHaveProperty('cancelled')
  })

  it('keeps the good outcome that it had in the same turn', async () => {
    const { attempt, outcomes } = watched()
    const { start, resolve } = open()
    const settled = attempt.run(start)
    resolve('value')
    await Promise.resolve()
    await Promise.resolve()
    attempt.cancel('slower')
    const { result } = await settled
    attempt.done()
    expect(result.ok).toBe(outcomes[0]?.ok)
  })
})

describe('an attempt whose end comes later', () => {
  it.each([
    ['resolves', true, {}],
    ['rejects', false, { error: 'broken' }],
  ])('is done when `until` %s', async (_name, ok, fields) => {
    const { attempt, outcomes } = watched()
    let end = (): void => {}
    await attempt.run((_instance, { until }) => {
      until(
        new Promise<void>((resolve, reject) => {
          end = ok ? resolve : () => reject('broken')
        }),
      )
      return 'head'
    })
    attempt.decide(true)
    await settlePromises()
    expect(outcomes).toEqual([])
    end()
    await settlePromises()
    expect(outcomes).toEqual([{ ok, latencyMs: 0, ...fields }])
  })

  it('is reached by the abort of the caller, and then not to blame', async () => {
    const controller = new AbortController()
    const { attempt, outcomes, scope } = watched({}, controller.signal)
    await attempt.run((_instance, { until, signal }) => {
      until(new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
    })
    attempt.decide(true)
    expect(scope.kept).toBe(true)
    controller.abort('gone')
    await settlePromises()
    expect(outcomes).toEqual([{ ok: false, latencyMs: 0, error: 'gone', cancelled: true }])
  })
})

describe('the load report of an attempt', () => {
  const classify = (loadReport: string) => (result: AttemptResult<unknown>) => ({
    result,
    classification: { ok: true, loadReport },
  })

  it.each([
    ['TEXT cpu_utilization=0.5', true, { cpuUtilization: 0.5 }],
    ['TEXT cpu_utilization=0.5', false, undefined],
    ['TEXT cpu_utilization=NaN', true, undefined],
  ])('%s is in the outcome when it is wanted (%s) and can be understood', async (header, readLoadReports, expected) => {
    const { attempt, outcomes } = watched({ loadReports: readLoadReports ? {} : undefined, classify: classify(header) })
    await attempt.run(() => 1)
    attempt.done()
    expect(outcomes[0]?.loadReport).toEqual(expected)
  })
})
