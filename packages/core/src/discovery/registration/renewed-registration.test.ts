import { seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { ManualSteps } from '../../../test/manual-steps.ts'
import { InvalidOptionError } from '../../base/errors.ts'
import { type RenewalOptions, RenewedRegistration } from './renewed-registration.ts'

describe('a registration', () => {
  it('is there when the first one succeeded, and is renewed as often as the steps say', async () => {
    const steps = new ManualSteps()
    await steps.started()
    steps.answers.renew = 2_000
    await steps.clock.advance(5_000)
    expect(steps.later).toEqual([
      ['renew', 1_000],
      ['renew', 3_000],
      ['renew', 5_000],
    ])
    expect(steps.clock.pendingForegroundTimers).toBe(0)
  })

  it('is not there when the first one failed, and is not tried again', async () => {
    const steps = new ManualSteps()
    steps.answers.register = new Error('down')
    await expect(steps.start()).rejects.toThrow('down')
    await steps.clock.advance(86_400_000)
    expect(steps.calls).toHaveLength(1)
    expect([steps.errors, steps.clock.pendingTimers]).toEqual([[], 0])
  })

  it('is renewed a little earlier than asked, by chance, and never later', async () => {
    const steps = new ManualSteps()
    await steps.started({ random: seededRandom(1), jitter: 0.2 })
    steps.answers.renew = 1_000
    await steps.clock.advance(200_000)
    const times = [0, ...steps.later.map(([, atMs]) => atMs)]
    const delays = times.slice(1).map((atMs, index) => atMs - (times[index] as number))
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(800)
    expect(Math.min(...delays)).toBeLessThan(820)
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000)
    expect(Math.max(...delays)).toBeGreaterThan(980)
  })

  it('is made one step at a time', async () => {
    const steps = new ManualSteps()
    await steps.started()
    await steps.clock.advance(60_000)
    expect(steps.later).toEqual([['renew', 1_000]])
    steps.latest.answer(1_000)
    await steps.clock.advance(1_000)
    expect(steps.later).toEqual([
      ['renew', 1_000],
      ['renew', 61_000],
    ])
  })

  it.each([0, -1, Number.NaN])('is renewed at the pace of retries when the steps ask for %s ms', async (delayMs) => {
    const steps = new ManualSteps()
    steps.answers.register = delayMs
    await steps.start()
    steps.answers.renew = delayMs
    await steps.clock.advance(1_000)
    expect(steps.later).toEqual([
      ['renew', 500],
      ['renew', 1_000],
    ])
  })
})

describe('when the registry fails', () => {
  it('renewals back off, each failure is told, and the next success begins anew', async () => {
    const steps = new ManualSteps()
    const down = new Error('down')
    await steps.started({ random: () => 1, jitter: 0, retryMinMs: 100, retryMaxMs: 300 })
    steps.answers.renew = down
    await steps.clock.advance(2_200)
    expect(steps.later.map(([, atMs]) => atMs)).toEqual([1_000, 1_100, 1_300, 1_600, 1_900, 2_200])
    expect(steps.errors).toEqual(Array.from({ length: 6 }, () => down))
    steps.answers.renew = 1_000
    await steps.clock.advance(300)
    steps.answers.renew = down
    await steps.clock.advance(1_100)
    expect(steps.later.map(([, atMs]) => atMs).slice(6)).toEqual([2_500, 3_500, 3_600])
  })

  it('delays are up to 0.5 s first and 10 s at last by default, with full jitter', async () => {
    const steps = new ManualSteps()
    await steps.started({ random: () => 1, jitter: 0 })
    steps.answers.renew = new Error('down')
    await steps.clock.advance(60_000)
    const times = steps.later.map(([, atMs]) => atMs)
    const delays = times.slice(1).map((atMs, index) => atMs - (times[index] as number))
    expect(delays.slice(0, 6)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000])
    const spread = new ManualSteps()
    await spread.started({ random: () => 0.25, jitter: 0 })
    spread.answers.renew = new Error('down')
    await spread.clock.advance(1_125)
    expect(spread.later.map(([, atMs]) => atMs)).toEqual([1_000, 1_125])
  })

  it('by throwing, or the listener throws, the renewal goes on', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started({
      random: () => 1,
      jitter: 0,
      onError: () => {
        throw new Error('mistake')
      },
    })
    let renewals = 0
    Object.assign(steps, {
      renew: () => {
        renewals++
        throw new Error('thrown')
      },
    })
    await steps.clock.advance(2_500)
    expect(renewals).toBe(3)
    steps.answers.deregister = 0
    await registration.deregister()
    expect(steps.clock.pendingTimers).toBe(0)
  })
})

describe('options', () => {
  it.each<[string, unknown]>([
    ['RenewedRegistration must be', undefined],
    ['RenewedRegistration.onError', { onError: undefined }],
    ['RenewedRegistration.retryMinMs', { retryMinMs: 0 }],
    ['RenewedRegistration.retryMaxMs', { retryMaxMs: Number.NaN }],
    ['RenewedRegistration.jitter', { jitter: 1.5 }],
    ['RenewedRegistration.clock', { clock: {} }],
    ['RenewedRegistration.random', { random: 1 }],
  ])('%s is refused when it cannot be used, and nothing is registered', async (option, given) => {
    const steps = new ManualSteps()
    const options = given === undefined ? undefined : { onError: () => {}, ...(given as object) }
    const started = RenewedRegistration.start(steps, options as unknown as RenewalOptions)
    const error = await started.catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(String(error)).toContain(option)
    expect(steps.calls).toEqual([])
  })

  it('are taken over: a later change does nothing', async () => {
    const steps = new ManualSteps()
    const options = { onError: () => {}, clock: steps.clock, random: () => 1, jitter: 0 }
    steps.answers.register = 1_000
    await RenewedRegistration.start(steps, options)
    options.jitter = 1
    steps.answers.renew = 1_000
    await steps.clock.advance(2_000)
    expect(steps.later.map(([, atMs]) => atMs)).toEqual([1_000, 2_000])
  })
})
