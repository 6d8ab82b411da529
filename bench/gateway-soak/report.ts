import type { Target } from '../target.ts'
import type { GatewaySoakResult } from './soak.ts'

const mebibyte = 2 ** 20
/** What the heap may grow by from the first quarter to the end. */
const mostGrowthBytes = 3 * mebibyte

export function targets({ found, samples, exit }: GatewaySoakResult): Target[] {
  const [first, ...later] = samples
  const last = later.at(-1)
  const growthBytes = (last?.heapBytes ?? Number.NaN) - (first?.heapBytes ?? Number.NaN)
  const sockets = Math.max(...samples.map((sample) => sample.sockets))
  const inFlight = Math.max(...samples.map((sample) => sample.inFlight))
  return [
    {
      text: 'every conversation ends, no POST is lost, doubled or mixed up, and there is no warning',
      met: found.faultCount === 0,
      evidence: found.faultCount === 0 ? `${found.confirmed.size} POSTs` : `${found.faultCount}: ${found.faults[0]}`,
    },
    { text: 'at rest, no socket is open', met: sockets === 0, evidence: String(sockets) },
    { text: 'at rest, nothing is in flight', met: inFlight === 0, evidence: String(inFlight) },
    {
      text: `the heap at rest grows by at most ${mostGrowthBytes / mebibyte} MiB from the first quarter to the end`,
      met: growthBytes <= mostGrowthBytes,
      evidence: `${(growthBytes / mebibyte).toFixed(1)} MiB`,
    },
    { text: 'the gateway ends by itself after SIGTERM', met: exit === '0', evidence: exit ?? 'it did not' },
  ]
}

export function report({ options, found, changes, samples }: GatewaySoakResult): string {
  const kinds = Array.from(found.conversations, ([kind, count]) => `${kind} ${count}`)
  const heaps = samples.map(({ heapBytes }) => (heapBytes / mebibyte).toFixed(1))
  return [
    `${options.seconds} s with seed ${options.seed}; ${changes} lists of instances`,
    `conversations: ${kinds.join(', ')}`,
    `heap at rest: ${heaps.join(', ')} MiB`,
    ...found.faults,
  ].join('\n')
}
