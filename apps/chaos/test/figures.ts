import type { FaultFigures } from '../src/fault-result.ts'
import { type Fault, faults } from '../src/faults.ts'

const noWaits = { count: 0, medianMs: 0, slowestMs: 0 }

/** Figures of a fault that nobody noticed, changed as given. */
export function figures(changes: Partial<FaultFigures> = {}): FaultFigures {
  return {
    name: 'sigkill',
    requests: 5_000,
    failed: 0,
    errors: {},
    slowestFailureMs: 0,
    failedAttempts: 0,
    during: { requests: 2_500, failed: 0, attempts: 2_550, p50Ms: 6.12, p99Ms: 20.4, waits: noWaits },
    after: { requests: 1_250, failed: 0, attempts: 1_250, p50Ms: 6, p99Ms: 12, waits: noWaits },
    extraAttempts: 50,
    faultMs: 5_000,
    awayMs: 300,
    backMs: 25_000,
    ejectionOverMs: 24_800,
    ejections: [],
    discoveryEvents: {},
    heap: [],
    maxLagMs: 5,
    ...changes,
  }
}

export function faultNamed(name: string): Fault {
  return faults.find((fault) => fault.name === name) as Fault
}
