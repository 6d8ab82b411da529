import type { DiscoveryEventType } from './call-record.ts'
import type { FaultFigures, FaultPromise } from './fault-result.ts'
import type { Fault } from './faults.ts'
import { heapDrift, heapTolerance } from './heap.ts'

/** The caller's time limit. */
export const deadlineMs = 2_000
/** Timers and a busy machine. */
const deadlineToleranceMs = 250
/** An outage may cost this many attempts for each request. */
const attemptsPerRequest = 1.25
const awayLimitMs = 1_000
const medianWaitMs = 1_000
const longestWaitMs = 2_000
/** The instance that a fault of a single one strikes. */
export const victimId = 'b'
/** The next turn of the instance, its answer, and the 100 ms to which the return is told. */
export const probeMs = 1_000

/** What must hold in `fault`, judged by what was measured. */
export function promisesOf(fault: Fault, figures: FaultFigures): readonly FaultPromise[] {
  return [
    ...(fault.outage === true ? [boundedAttempts(figures), errorsInTime(figures)] : [noFailure(fault, figures)]),
    ...(fault.bounded === undefined ? [] : [shortWaits(figures), othersKept(figures)]),
    ...(fault.posts === undefined ? [] : [noFailedAttempt(figures)]),
    ...movesAway(fault, figures),
    ...(fault.struck === 'none' ? [] : [comesBack(figures)]),
    ...(fault.toldBy === undefined ? [] : [told(fault.toldBy, figures)]),
    ...(fault.heap === true ? [flatHeap(figures)] : []),
  ]
}

function noFailure({ posts }: Fault, { requests, failed, errors }: FaultFigures): FaultPromise {
  const codes = Object.entries(errors).map(([code, count]) => `${count} ${code}`)
  const evidence = `${failed} of ${requests}${failed === 0 ? '' : `: ${codes.join(', ')}`}`
  return {
    text: posts === true ? 'no request fails, POSTs included' : 'no idempotent request fails',
    kept: failed === 0,
    evidence,
  }
}

function noFailedAttempt({ failedAttempts }: FaultFigures): FaultPromise {
  return {
    text: 'no request goes to an instance that has stopped',
    kept: failedAttempts === 0,
    evidence: `${failedAttempts} attempts failed`,
  }
}

function shortWaits({ during: { waits } }: FaultFigures): FaultPromise {
  const { count, medianMs, slowestMs } = waits
  return {
    text: `half of those that wait do so for ${medianWaitMs} ms at most, and none longer than ${longestWaitMs}`,
    kept: medianMs <= medianWaitMs && slowestMs <= longestWaitMs,
    evidence: `${count} waited, the median ${Math.round(medianMs)} ms, the longest ${Math.round(slowestMs)}`,
  }
}

function othersKept({ ejections }: FaultFigures): FaultPromise {
  const ejected = new Set(ejections.filter(({ enforced }) => enforced).map(({ instance }) => instance))
  const named = ejected.size === 0 ? 'none' : [...ejected].join(', ')
  return { text: 'no other instance is ejected', kept: [...ejected].every((id) => id === victimId), evidence: named }
}

function boundedAttempts({ during: { attempts, requests } }: FaultFigures): FaultPromise {
  return {
    text: `at most ${attemptsPerRequest} attempts a request`,
    kept: requests > 0 && attempts <= attemptsPerRequest * requests,
    evidence: `${attempts} for ${requests}, ${(attempts / Math.max(1, requests)).toFixed(3)}`,
  }
}

function errorsInTime({ slowestFailureMs, failed }: FaultFigures): FaultPromise {
  return {
    text: `every error comes within ${deadlineMs} ms (+ ${deadlineToleranceMs})`,
    kept: slowestFailureMs <= deadlineMs + deadlineToleranceMs,
    evidence: `${failed} errors, the slowest after ${Math.round(slowestFailureMs)} ms`,
  }
}

function movesAway({ leaves }: Fault, { awayMs, firstEjectionMs, faultMs }: FaultFigures): readonly FaultPromise[] {
  if (leaves === undefined) return []
  const sinceMs = leaves === 'at-once' ? 0 : (firstEjectionMs ?? Number.POSITIVE_INFINITY)
  // An ejection so late, or none, leaves nothing to see.
  if (sinceMs + awayLimitMs > faultMs) return []
  const ejected = firstEjectionMs === undefined ? '' : `, ejected after ${Math.round(firstEjectionMs)} ms`
  return [
    {
      text: `traffic moves away within ${awayLimitMs} ms${leaves === 'at-once' ? '' : ' of the ejection'}`,
      kept: awayMs !== undefined && awayMs <= sinceMs + awayLimitMs,
      evidence: `${awayMs === undefined ? 'it went on' : `after ${Math.round(awayMs)} ms`}${ejected}`,
    },
  ]
}

function comesBack({ backMs, ejectionOverMs }: FaultFigures): FaultPromise {
  const over = `the ejection was over ${seconds(ejectionOverMs)} after the fault`
  return {
    text: 'it has its share again within its ejection and one probe',
    kept: backMs !== undefined && backMs <= ejectionOverMs + probeMs,
    evidence: `${backMs === undefined ? 'it never had' : `after ${seconds(backMs)}`}; ${over}`,
  }
}

function told(type: DiscoveryEventType, { discoveryEvents }: FaultFigures): FaultPromise {
  const times = discoveryEvents[type] ?? 0
  return { text: `an event tells it: ${type}`, kept: times > 0, evidence: `${times} times` }
}

function flatHeap({ heap }: FaultFigures): FaultPromise {
  const drift = heapDrift(heap)
  const megabytes = ((heap[0] ?? 0) / 2 ** 20).toFixed(1)
  return {
    text: `the heap stays flat within ± ${100 * heapTolerance} %`,
    kept: drift !== undefined && Math.abs(drift) <= heapTolerance,
    evidence:
      drift === undefined ? 'too few samples' : `${megabytes} MiB, at most ${(100 * drift).toFixed(1)} % from it`,
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`
}
