import { markdownReport } from '../markdown-report.ts'
import { numberText } from '../number-text.ts'
import { table } from '../table.ts'
import type { Target } from '../target.ts'
import type { Sample } from './sample.ts'
import type { SoakResult } from './soak.ts'

const mostGrowth = 0.05

export function targets({ samples, mostSockets, mostSocketsAllowed, left }: SoakResult): Target[] {
  const [base, ...later] = samples
  const heap = Math.max(...later.map((sample) => growth(sample, base)))
  const inUse = [...samples, left]
  const listeners = Math.max(...inUse.map(({ signalListeners }) => signalListeners))
  const emitters = Math.max(...inUse.map((sample) => sample.emitterListeners - (base?.emitterListeners ?? 0)))
  const subscriptions = Math.max(...inUse.map((sample) => sample.subscriptions - (base?.subscriptions ?? 0)))
  const worst = later.at(-1)?.failures ?? Number.NaN
  return [
    {
      text: `heap never more than ${100 * mostGrowth} % above the first sample`,
      met: heap <= mostGrowth,
      evidence: `at most ${(100 * heap).toFixed(1)} %`,
    },
    {
      text: `sockets ≤ ${mostSocketsAllowed} (workers × instances known, and one that has just gone)`,
      met: mostSockets <= mostSocketsAllowed,
      evidence: `at most ${mostSockets}`,
    },
    { text: 'no listener left on the signal of all requests', met: listeners === 0, evidence: numberText(listeners) },
    { text: 'no listener added to the agent and the process', met: emitters <= 0, evidence: numberText(emitters) },
    { text: 'no listener added to the load balancer', met: subscriptions <= 0, evidence: numberText(subscriptions) },
    { text: 'sockets after closing: 0', met: left.sockets === 0, evidence: numberText(left.sockets) },
    { text: 'no request failed', met: worst === 0, evidence: numberText(worst) },
  ]
}

export function report(found: SoakResult): string {
  const { options, fleet, samples, left } = found
  const [base] = samples
  return markdownReport({
    title: 'Soak: full load while instances come and go',
    command: 'bench:soak',
    intro: [
      `${options.workersEach} requests in flight through each of @lb/axios and @lb/undici for ${options.seconds} s, the next as soon as one ends.`,
      `Each second one of ${fleet.ports.length} instances really stops and a new one starts, every other time without notice to the discovery: ${fleet.started} started, ${fleet.stopped} stopped.`,
      'For a sample the load stands still, so that nothing is in flight; the floor of each figure is the first sample.',
    ],
    body: [
      table(
        [
          'at s',
          'requests',
          'failed',
          'heap MB',
          '× first',
          'external MB',
          'resident MB',
          'sockets',
          'timers',
          'on the signal',
          'on emitters',
          'on lb',
        ],
        [...samples.map((sample) => row(sample.atSeconds.toFixed(0), sample, base)), row('closed', left, base)],
      ),
      '',
    ],
    targets: targets(found),
  })
}

function growth(sample: Sample, base: Sample | undefined): number {
  return sample.heapMegabytes / (base?.heapMegabytes ?? Number.NaN) - 1
}

function row(at: string, sample: Sample, base: Sample | undefined): string[] {
  return [
    at,
    numberText(sample.requests),
    numberText(sample.failures),
    sample.heapMegabytes.toFixed(2),
    (1 + growth(sample, base)).toFixed(3),
    sample.externalMegabytes.toFixed(1),
    sample.residentMegabytes.toFixed(0),
    ...[sample.sockets, sample.timers, sample.signalListeners, sample.emitterListeners, sample.subscriptions].map(
      numberText,
    ),
  ]
}
