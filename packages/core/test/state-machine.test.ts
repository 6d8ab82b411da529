import { describe, expect, it } from 'vitest'
import { StateMachine } from './state-machine/state-machine.ts'

// A short run has always the same seeds. `pnpm fuzz` gives others, for as long as it says.
const { LB_FUZZ_MINUTES: minutes, LB_FUZZ_SEED: seed } = process.env
const steps = 60
const batch = 50
const batches = 16

async function run(from: number, count: number): Promise<void> {
  for (let each = from; each < from + count; each++) {
    const machine = new StateMachine(each)
    await machine.run(steps)
    expect(machine.violations, `LB_FUZZ_SEED=${each}\n${machine.trace.slice(-40).join('\n')}`).toEqual([])
  }
}

describe.runIf(minutes === undefined && seed === undefined)('whatever happens to a load balancer', () => {
  it.each(Array.from({ length: batches }, (_, index) => index))(
    'no promise is broken, part %i',
    { timeout: 120_000 },
    (index) => run(index * batch, batch),
  )

  it('the same seed gives the same trace', { timeout: 60_000 }, async () => {
    for (let each = 1_000; each < 1_010; each++) {
      const [first, second] = [new StateMachine(each), new StateMachine(each)]
      await first.run(steps)
      await second.run(steps)
      expect(second.trace).toEqual(first.trace)
    }
  })
})

it.runIf(seed !== undefined)('the seed that was given', () => run(Number(seed), 1))

it.runIf(minutes !== undefined)('seeds for the minutes that were given', { timeout: 0 }, async () => {
  const untilMs = performance.now() + Number(minutes) * 60_000
  for (let from = Math.floor(Math.random() * 1e9); performance.now() < untilMs; from += batch) await run(from, batch)
})
