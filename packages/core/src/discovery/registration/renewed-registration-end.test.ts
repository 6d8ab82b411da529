import { describe, expect, it } from 'vitest'
import { ManualSteps } from '../../../test/manual-steps.ts'

describe('a registration that the registry lost', () => {
  it('as a renewal tells is made again at once', async () => {
    const steps = new ManualSteps()
    await steps.started()
    Object.assign(steps.answers, { renew: 'lost', register: 5_000 })
    await steps.clock.advance(1_000)
    steps.answers.renew = 1_000
    await steps.clock.advance(5_000)
    expect(steps.later).toEqual([
      ['renew', 1_000],
      ['register', 1_000],
      ['renew', 6_000],
    ])
    expect(steps.errors).toEqual([])
  })

  it('stays lost while registering fails: it is not renewed, but registered', async () => {
    const steps = new ManualSteps()
    await steps.started({ random: () => 1, jitter: 0, retryMinMs: 100 })
    Object.assign(steps.answers, { renew: 'lost', register: new Error('down') })
    await steps.clock.advance(1_300)
    expect(steps.later).toEqual([
      ['renew', 1_000],
      ['register', 1_000],
      ['register', 1_100],
      ['register', 1_300],
    ])
    expect(steps.errors).toHaveLength(3)
    Object.assign(steps.answers, { renew: 1_000, register: 1_000 })
    await steps.clock.advance(1_400)
    expect(steps.later.slice(4)).toEqual([
      ['register', 1_700],
      ['renew', 2_700],
    ])
  })
})

describe('lost()', () => {
  it('between renewals registers soon, not at once, and does not renew', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started({ random: () => 0.5, jitter: 0 })
    steps.answers.register = 1_000
    registration.lost()
    expect(steps.calls).toHaveLength(1)
    expect(steps.clock.pendingTimers).toBe(1)
    await steps.clock.advance(250)
    expect(steps.later).toEqual([['register', 250]])
    steps.answers.renew = 1_000
    await steps.clock.advance(1_000)
    expect(steps.later.at(-1)).toEqual(['renew', 1_250])
  })

  it('again and again puts nothing off, and is one registration', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started({ random: () => 1, jitter: 0 })
    steps.answers.register = 10_000
    for (let count = 0; count < 5; count++) {
      registration.lost()
      await steps.clock.advance(100)
    }
    await steps.clock.advance(100)
    expect(steps.later).toEqual([['register', 500]])
  })

  it('while a renewal runs registers after it, although it succeeds', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started({ random: () => 1, jitter: 0 })
    await steps.clock.advance(1_000)
    registration.lost()
    expect(steps.clock.pendingTimers).toBe(0)
    steps.latest.answer(60_000)
    await steps.clock.advance(500)
    expect(steps.later).toEqual([
      ['renew', 1_000],
      ['register', 1_500],
    ])
  })

  it('while a renewal runs registers after it when it fails', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started({ random: () => 1, jitter: 0 })
    await steps.clock.advance(1_000)
    registration.lost()
    steps.latest.fail('down')
    await steps.clock.advance(500)
    expect(steps.later.at(-1)).toEqual(['register', 1_500])
    expect(steps.errors).toEqual(['down'])
  })

  it('while a registration runs registers once more', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started({ random: () => 1, jitter: 0 })
    steps.answers.renew = 'lost'
    await steps.clock.advance(1_000)
    registration.lost()
    steps.latest.answer(60_000)
    await steps.clock.advance(500)
    expect(steps.later).toEqual([
      ['renew', 1_000],
      ['register', 1_000],
      ['register', 1_500],
    ])
  })

  it('just when a renewal succeeded is not overheard', async () => {
    for (let ticks = 0; ticks < 12; ticks++) {
      const steps = new ManualSteps()
      const registration = await steps.started({ random: () => 1, jitter: 0 })
      await steps.clock.advance(1_000)
      steps.latest.answer(60_000)
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      registration.lost()
      await steps.clock.advance(500)
      expect(steps.later.at(-1)).toEqual(['register', 1_500])
    }
  })

  it('during backoff registers with the backoff that is due', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started({ random: () => 1, jitter: 0 })
    steps.answers.renew = new Error('down')
    await steps.clock.advance(1_500)
    registration.lost()
    await steps.clock.advance(1_999)
    expect(steps.later.at(-1)).toEqual(['renew', 1_500])
    await steps.clock.advance(1)
    expect(steps.later.at(-1)).toEqual(['register', 3_500])
  })

  it('after deregistration does nothing', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started()
    const deregistered = registration.deregister()
    registration.lost()
    await steps.clock.advance(0)
    steps.latest.answer(0)
    await deregistered
    registration.lost()
    await steps.clock.advance(86_400_000)
    expect(steps.later).toEqual([['deregister', 0]])
    expect(steps.clock.pendingTimers).toBe(0)
  })
})

describe('deregister', () => {
  it('between renewals takes it back, once, and ends the timer', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started()
    steps.answers.deregister = 0
    const [first, second] = [registration.deregister(), registration.deregister()]
    expect(first).toBe(second)
    await first
    await registration.deregister()
    await steps.clock.advance(86_400_000)
    expect(steps.later).toEqual([['deregister', 0]])
    expect(steps.clock.pendingTimers).toBe(0)
  })

  it('during backoff, and after a loss, ends the timer as well', async () => {
    for (const state of ['backoff', 'lost']) {
      const steps = new ManualSteps()
      const registration = await steps.started({ random: () => 1 })
      steps.answers.deregister = 0
      steps.answers.renew = new Error('down')
      if (state === 'lost') registration.lost()
      else await steps.clock.advance(1_000)
      const calls = steps.calls.length
      await registration.deregister()
      expect(steps.clock.pendingTimers).toBe(0)
      await steps.clock.advance(86_400_000)
      expect(steps.calls).toHaveLength(calls + 1)
    }
  })

  it.each(['renew', 'register'] as const)('while a %s runs aborts it, and waits for its end', async (step) => {
    for (const end of ['answer', 'fail', 'lost'] as const) {
      const steps = new ManualSteps()
      const registration = await steps.started()
      if (step === 'register') steps.answers.renew = 'lost'
      await steps.clock.advance(1_000)
      const running = steps.latest
      expect(running.step).toBe(step)
      const deregistered = registration.deregister()
      expect(running.signal?.aborted).toBe(true)
      await steps.clock.advance(10_000)
      expect(steps.latest).toBe(running)
      if (end === 'fail') running.fail(new Error('aborted'))
      else running.answer(end === 'lost' && step === 'renew' ? 'lost' : 1_000)
      await steps.clock.advance(0)
      expect(steps.latest.step).toBe('deregister')
      steps.latest.answer(0)
      await deregistered
      await steps.clock.advance(86_400_000)
      expect(steps.later.filter(([called]) => called !== 'renew' && called !== 'deregister')).toHaveLength(
        step === 'register' ? 1 : 0,
      )
      expect([steps.errors, steps.clock.pendingTimers]).toEqual([[], 0])
    }
  })

  it('rejects when the registry cannot be told, each time', async () => {
    const steps = new ManualSteps()
    const registration = await steps.started()
    steps.answers.deregister = new Error('down')
    await expect(registration.deregister()).rejects.toThrow('down')
    await expect(registration.deregister()).rejects.toThrow('down')
    expect(steps.later).toEqual([['deregister', 0]])
    expect([steps.errors, steps.clock.pendingTimers]).toEqual([[], 0])
  })
})
