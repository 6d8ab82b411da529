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

if (seed !== undefined) {
  it('the seed that was given', () => run(Number(seed), 1))
} else if (minutes !== undefined) {
  it('seeds for the minutes that were given', { timeout: 0 }, async () => {
    const untilMs = performance.now() + Number(minutes) * 60_000
    for (let from = Math.floor(Math.random() * 1e9); performance.now() < untilMs; from += batch) await run(from, batch)
  })
} else {
  describe('whatever happens to a load balancer', () => {
    it.each(Array.from({ length: batches }, (_, index) => index))('no promise is broken, part %i', (index) =>
      run(index * batch, batch),
    )

    it('the same seed gives the same trace', async () => {
      for (let each = 1_000; each < 1_010; each++) {
        const [first, second] = [new StateMachine(each), new StateMachine(each)]
        await first.run(steps)
        await second.run(steps)
        expect(second.trace).toEqual(first.trace)
      }
    })
  })
}
