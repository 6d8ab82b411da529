import { describe, expect, it } from 'vitest'
import type { LoadBalancerOptions } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

const sentAt = 'Wed, 21 Oct 2026 07:28:00 GMT'

function responseOf(headers: Record<string, string>, status = 503): Response {
  return new Response(null, { status, headers })
}

/** Runs a call whose first attempts give `headers`; gives when each attempt began, on whom, and what came of it. */
async function run(
  list: readonly string[],
  headers: Record<string, string>,
  { timeoutMs, options = {}, failures = 1 }: { timeoutMs?: number; options?: object; failures?: number } = {},
): Promise<{ begun: string[]; status: number; pending: number }> {
  const observed = new ObservedLoadBalancer(list, options as Partial<LoadBalancerOptions>)
  const startedAt = observed.clock.now()
  const begun: string[] = []
  const call = observed.lb.execute(
    'users',
    ({ id }, { number }) => {
      begun.push(`${id} @${observed.clock.now() - startedAt}`)
      return number <= failures ? responseOf(headers) : responseOf({}, 200)
    },
    { idempotent: true, ...(timeoutMs === undefined ? undefined : { timeoutMs }) },
  )
  const { status } = await observed.settle(call, 100_000_000)
  return { begun, status, pending: observed.clock.pendingForegroundTimers }
}

describe('Retry-After', () => {
  it.each([
    ['seconds', { 'retry-after': '4' }],
    ['a date', { 'retry-after': 'Wed, 21 Oct 2026 07:28:04 GMT', date: sentAt }],
  ])('as %s is waited for when no other instance is left', async (_form, headers) => {
    expect(await run(['a:1'], headers)).toEqual({ begun: ['a:1 @0', 'a:1 @4000'], status: 200, pending: 0 })
  })

  it('does not keep a retry from another instance', async () => {
    expect(await run(['a:1', 'b:1'], { 'retry-after': '4' })).toMatchObject({
      begun: ['a:1 @0', 'b:1 @0'],
      status: 200,
    })
  })

  it('is waited for when all others were tried as well', async () => {
    const { begun, status } = await run(['a:1', 'b:1'], { 'retry-after': '4' }, { failures: 2 })
    expect([begun.slice(0, 2), begun[2]?.slice(4), status]).toEqual([['a:1 @0', 'b:1 @0'], '@4000', 200])
  })

  it.each([
    ['beyond the deadline', '4', { timeoutMs: 4_000 }],
    ['beyond what a call waits', '6', {}],
    ['when the service allows no wait', '1', { options: { retry: { retryAfterMaxMs: 0 } } }],
    ['for a day', '86400', {}],
    ['for ever', '9'.repeat(40), {}],
  ])('%s is not waited for: the caller gets the response', async (_name, seconds, options) => {
    expect(await run(['a:1'], { 'retry-after': seconds }, options)).toEqual({
      begun: ['a:1 @0'],
      status: 503,
      pending: 0,
    })
  })

  it('is waited for up to 5 s in all', async () => {
    expect((await run(['a:1'], { 'retry-after': '5' })).begun).toEqual(['a:1 @0', 'a:1 @5000'])
    const twice = await run(['a:1'], { 'retry-after': '2' }, { failures: 2 })
    expect(twice.begun).toEqual(['a:1 @0', 'a:1 @2000', 'a:1 @4000'])
    const tooLong = await run(['a:1'], { 'retry-after': '3' }, { failures: 2 })
    expect(tooLong).toMatchObject({ begun: ['a:1 @0', 'a:1 @3000'], status: 503 })
  })

  it('is waited for as long as the service allows', async () => {
    const options = { retry: { retryAfterMaxMs: 30_000 } }
    expect((await run(['a:1'], { 'retry-after': '30' }, { options })).begun).toEqual(['a:1 @0', 'a:1 @30000'])
  })

  it.each([
    ['is no number', { 'retry-after': 'soon' }],
    ['is negative', { 'retry-after': '-5' }],
    ['is a date without the Date of the response', { 'retry-after': 'Wed, 21 Oct 2026 07:28:07 GMT' }],
    ['lies in the past', { 'retry-after': 'Wed, 21 Oct 2026 07:27:00 GMT', date: sentAt }],
    ['is 0', { 'retry-after': '0' }],
  ])('changes nothing when it %s', async (_name, headers) => {
    expect((await run(['a:1'], headers)).begun).toEqual(['a:1 @0', 'a:1 @0'])
  })

  it('does not shorten the backoff', async () => {
    const options = { random: () => 0.999, retry: { backoffBaseMs: 5_000, backoffMaxMs: 5_000 } }
    expect((await run(['a:1'], { 'retry-after': '1' }, { options })).begun[1]).toBe('a:1 @4995')
  })

  it('makes nothing repeatable that is not', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const call = observed.lb.execute('users', () => responseOf({ 'retry-after': '1' }))
    expect((await observed.settle(call)).status).toBe(503)
    expect(observed.finished).toHaveLength(1)
  })

  it('counts for a 429 that the service wants repeated', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { retry: { statusCodes: [429] } })
    const startedAt = observed.clock.now()
    let endedAt = 0
    const call = observed.lb.execute(
      'users',
      (_instance, { number }) => {
        endedAt = observed.clock.now()
        return number === 1 ? responseOf({ 'retry-after': '3' }, 429) : responseOf({}, 200)
      },
      { idempotent: true },
    )
    expect((await observed.settle(call)).status).toBe(200)
    expect(endedAt - startedAt).toBe(3_000)
  })

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('of %d from a classify does no harm', async (retryAfterMs) => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const call = observed.lb.execute('users', (_instance, { number }) => number, {
      classify: ({ ok }) => ({ ok: ok && observed.finished.length > 0, retry: 'always', retryAfterMs }),
    })
    expect([1, 3]).toContain(await observed.settle(call))
    expect(observed.clock.pendingForegroundTimers).toBe(0)
  })

  it('ends with the caller, not before', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const controller = new AbortController()
    const call = observed.lb.execute('users', () => responseOf({ 'retry-after': '5' }), {
      idempotent: true,
      signal: controller.signal,
    })
    const settled = Promise.allSettled([call])
    await observed.clock.advance(3_000)
    controller.abort()
    expect((await settled)[0]).toMatchObject({ reason: { name: 'AbortError' } })
    expect(observed.clock.pendingForegroundTimers).toBe(0)
  })
})
