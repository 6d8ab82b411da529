import { FakeClock, instances, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { LoadProbeResult } from './load-probe.ts'
import { type ProbeOutcome, Prober, type ProberOptions } from './prober.ts'

const list = instances(10)

/** A prober whose probes take `tookMs` and give `answer`; it asks the first instances. */
class ObservedProber {
  readonly clock = new FakeClock()
  readonly asked: string[] = []
  readonly outcomes: (readonly [string, ProbeOutcome])[] = []
  readonly prober: Prober
  tookMs = 10
  answer: LoadProbeResult | Error | undefined = { inFlight: 1 }

  constructor(options: Partial<ProberOptions> = {}) {
    this.prober = new Prober({
      probe: ({ id }) => {
        this.asked.push(id)
        const { answer } = this
        return new Promise((resolve, reject) => {
          const end = (): void => (answer instanceof Error ? reject(answer) : resolve(answer))
          this.clock.setTimeout(end, this.tookMs)
        })
      },
      clock: this.clock,
      random: () => 0.5,
      timeoutMs: 1_000,
      probesPerCall: 3,
      choose: (count) => list.slice(0, count),
      onResult: ({ id }, outcome) => this.outcomes.push([id, outcome]),
      ...options,
    })
  }

  /** Sends what is paid for, and waits for it. */
  async send(): Promise<void> {
    this.prober.sendSoon(0)
    await this.clock.advance(this.tookMs)
    await settlePromises()
  }
}

describe('probes', () => {
  it('are sent once, a random part of the delay later, without keeping the process alive', async () => {
    const observed = new ObservedProber()
    observed.prober.sendSoon(100)
    observed.prober.sendSoon(0)
    expect([observed.clock.pendingTimers, observed.clock.pendingForegroundTimers]).toEqual([1, 0])
    await observed.clock.advance(49)
    expect(observed.asked).toEqual([])
    await observed.clock.advance(1)
    expect(observed.asked).toEqual(['i0', 'i1', 'i2'])
    observed.prober.sendSoon(100)
    expect(observed.clock.pendingTimers, 'nothing is paid for').toBe(3 * 2)
  })

  it.each([
    { probesPerCall: 3, deposits: [], sent: 3 },
    { probesPerCall: 3, deposits: [2], sent: 5 },
    { probesPerCall: 3, deposits: [2, 9], sent: 6 },
    { probesPerCall: 0.5, deposits: [], sent: 0 },
    { probesPerCall: 0.5, deposits: [0.5], sent: 1 },
    { probesPerCall: 0.5, deposits: [0.5, 0.9], sent: 1 },
    { probesPerCall: 0.5, deposits: [9], sent: 2 },
  ])(
    'are $sent after $deposits were paid for, with $probesPerCall for each call',
    async ({ deposits, sent, ...options }) => {
      const observed = new ObservedProber(options)
      for (const probes of deposits) observed.prober.deposit(probes, false)
      await observed.send()
      expect(observed.asked).toHaveLength(sent)
    },
  )

  it('are a tenth of what is paid for while all fail', async () => {
    const observed = new ObservedProber()
    await observed.send()
    observed.asked.length = 0
    for (let call = 0; call < 9; call++) observed.prober.deposit(1, true)
    await observed.send()
    expect(observed.asked).toHaveLength(0)
    for (let call = 0; call < 2; call++) observed.prober.deposit(1, true)
    await observed.send()
    expect(observed.asked).toHaveLength(1)
  })

  it('are not sent to an instance of which one is out, and cost nothing then', async () => {
    const observed = new ObservedProber()
    observed.prober.sendSoon(0)
    await observed.clock.advance(0)
    observed.prober.deposit(3, false)
    observed.prober.sendSoon(0)
    await observed.clock.advance(0)
    expect(observed.asked).toEqual(['i0', 'i1', 'i2'])
    await observed.clock.advance(10)
    await settlePromises()
    await observed.send()
    expect(observed.asked).toHaveLength(6)
  })

  it('end with the report of the instance, without one, or fail: by themselves, or after the time limit', async () => {
    const observed = new ObservedProber({ probesPerCall: 1 })
    const answers = [{ inFlight: 2, latencyMs: 5 }, undefined, new Error('refused')]
    for (const answer of answers) {
      observed.answer = answer
      await observed.send()
      observed.prober.deposit(1, false)
    }
    observed.tookMs = 1_001
    observed.answer = { inFlight: 1 }
    await observed.send()
    expect(observed.outcomes.map(([, outcome]) => outcome)).toEqual([
      { inFlight: 2, latencyMs: 5 },
      'silent',
      'failed',
      'failed',
    ])
    expect(observed.prober.failures).toBe(3)
    observed.prober.deposit(1, false)
    observed.tookMs = 10
    await observed.send()
    expect(observed.prober.failures).toBe(0)
  })

  it('say how long they usually take: each counts an eighth of the difference', async () => {
    const observed = new ObservedProber({ probesPerCall: 1 })
    expect(observed.prober.roundTripMs).toBe(0)
    await observed.send()
    expect(observed.prober.roundTripMs).toBe(10)
    observed.prober.deposit(1, false)
    observed.tookMs = 50
    await observed.send()
    expect(observed.prober.roundTripMs).toBe(15)
    observed.prober.deposit(1, false)
    observed.answer = undefined
    await observed.send()
    expect(observed.prober.roundTripMs, 'of a probe without a report nothing is learnt').toBe(15)
  })
})

describe('a call that waits for its probes', () => {
  it.each([
    { limitMs: 50, waitedMs: 10 },
    { limitMs: 5, waitedMs: 5 },
  ])('waits for $waitedMs ms where they take 10 ms and it may wait for $limitMs', async ({ limitMs, waitedMs }) => {
    const observed = new ObservedProber()
    let waited = false
    void observed.prober.sendNow(limitMs)?.then(() => {
      waited = true
    })
    expect(observed.asked).toHaveLength(3)
    await observed.clock.advance(waitedMs - 1)
    await settlePromises()
    expect(waited).toBe(false)
    await observed.clock.advance(1)
    await settlePromises()
    expect(waited).toBe(true)
    await observed.clock.advance(100)
    expect(observed.clock.pendingTimers).toBe(0)
  })

  it('does not wait where nothing is paid for and none is out', async () => {
    const observed = new ObservedProber()
    await observed.send()
    expect(observed.prober.sendNow(50)).toBeUndefined()
    expect(observed.asked).toHaveLength(3)
  })
})

describe('a prober that is closed', () => {
  it('sends nothing more, waits for nothing, and drops what comes late', async () => {
    const observed = new ObservedProber()
    observed.prober.sendSoon(0)
    await observed.clock.advance(0)
    observed.prober.deposit(3, false)
    observed.prober.sendSoon(100)
    expect(observed.prober.isClosed).toBe(false)
    observed.prober.close()
    observed.prober.close()
    expect([observed.prober.isClosed, observed.prober.sendNow(50)]).toEqual([true, undefined])
    observed.prober.sendSoon(0)
    await observed.clock.advance(1_000)
    await settlePromises()
    expect([observed.asked.length, observed.outcomes, observed.prober.failures]).toEqual([3, [], 0])
    expect(observed.clock.pendingTimers).toBe(0)
  })
})
