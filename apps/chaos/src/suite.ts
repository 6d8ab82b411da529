import type { PhaseName } from './call-record.ts'
import { Experiment } from './experiment.ts'
import { disturbedLagMs, type FaultResult } from './fault-result.ts'
import { type Fault, type FaultName, faults } from './faults.ts'
import type { Transport } from './transport.ts'

export interface SuiteOptions {
  readonly faults: readonly FaultName[]
  readonly transport: Transport
  readonly long: boolean
  readonly onPhase: (fault: FaultName, phase: PhaseName) => void
  /** In the order in which the faults are over. */
  readonly onResult: (result: FaultResult) => void
}

/**
 * Inflicts one fault after another, each on backends and a load balancer of its own. An instance may stay ejected for
 * half a minute after its fault; that wait goes on, under little load, beside the faults that follow. A fault that broke a
 * promise while the machine was too busy for the load is inflicted once more at the end, and that counts.
 */
export async function runSuite(options: SuiteOptions): Promise<FaultResult[]> {
  const chosen = faults.filter(({ name }) => options.faults.includes(name))
  const results = await inflictAll(chosen, options)
  const again = chosen.filter(({ name }) => results.some((result) => result.name === name && isDoubtful(result)))
  const repeated = await inflictAll(again, options)
  return results.map((result) => repeated.find(({ name }) => name === result.name) ?? result)
}

/** A promise was broken while the machine had no time for the load. */
function isDoubtful({ ok, maxLagMs }: FaultResult): boolean {
  return !ok && maxLagMs > disturbedLagMs
}

async function inflictAll(chosen: readonly Fault[], options: SuiteOptions): Promise<FaultResult[]> {
  const { transport, long, onPhase, onResult } = options
  const experiments: Experiment[] = []
  const results: Promise<FaultResult>[] = []
  try {
    for (const fault of chosen) {
      const experiment = new Experiment({ fault, transport, long, onPhase: (phase) => onPhase(fault.name, phase) })
      experiments.push(experiment)
      await experiment.inflict()
      const result = finish(experiment, onResult)
      // A failure is told at the end, by Promise.all.
      result.catch(() => {})
      results.push(result)
    }
    return await Promise.all(results)
  } finally {
    await Promise.all(experiments.map((experiment) => experiment.close()))
  }
}

async function finish(experiment: Experiment, onResult: (result: FaultResult) => void): Promise<FaultResult> {
  const result = await experiment.awaitReturn()
  await experiment.close()
  onResult(result)
  return result
}
