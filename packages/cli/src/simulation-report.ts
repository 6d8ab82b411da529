import type { Recording, SimulationReport } from '@lb/testing/simulation'
import type { CommandContext } from './command-context.ts'
import { formatMs, formatPercent, numberText } from './number-format.ts'
import { printable } from './printable.ts'
import { columnPlot } from './text-plot.ts'
import { stylesFor } from './text-style.ts'
import { textTable } from './text-table.ts'

interface Figure {
  readonly name: string
  /** As it was recorded; empty without a recording. */
  readonly recorded?: string
  readonly value: string
}

const columns = [
  { title: 'FIGURE', cell: ({ name }: Figure) => name },
  { title: 'RECORDED', cell: ({ recorded = '' }: Figure) => recorded, align: 'right' as const },
  { title: 'VALUE', cell: ({ value }: Figure) => value, align: 'right' as const },
]

/** What `lb simulate` prints for people: figures, a plot of the goodput, and the hash. */
export function simulationReport(
  name: string,
  seed: number,
  report: SimulationReport,
  {
    description,
    recording,
    context,
  }: { readonly description: string; readonly recording: Recording | undefined; readonly context: CommandContext },
): string {
  const { out, env } = context
  const { bold } = stylesFor(out, env)
  const goodputs = report.seconds.map(({ calls, succeeded }) => (calls === 0 ? 1 : succeeded / calls))
  return [
    `${bold(printable(name))}: ${printable(description)}\n`,
    textTable(columns, figures(report, recording), { width: out.columns, heading: bold }),
    `goodput of calls by the second in which they began\n${columnPlot(goodputs, { width: Math.min(out.columns ?? 80, 100) })}`,
    `seed ${seed}, hash ${report.hash}\n`,
  ].join('\n')
}

function figures(report: SimulationReport, recording: Recording | undefined): Figure[] {
  const failures = Object.entries(report.failures)
  const worst = report.seconds.reduce(
    (least, { calls, succeeded }) => (calls === 0 ? least : Math.min(least, succeeded / calls)),
    1,
  )
  const both = (name: string, show: (of: SimulationReport | Recording) => string): Figure => {
    return { name, value: show(report), ...(recording === undefined ? undefined : { recorded: show(recording) }) }
  }
  return [
    both('calls', ({ calls }) => `${calls}`),
    both('goodput', ({ goodput }) => formatPercent(goodput)),
    { name: 'worst second', value: formatPercent(worst) },
    both('p50', ({ p50Ms }) => formatMs(p50Ms)),
    both('p99', ({ p99Ms }) => formatMs(p99Ms)),
    both('p99.9', ({ p999Ms }) => formatMs(p999Ms)),
    { name: 'busiest instance ÷ mean', value: numberText(report.loadImbalance) },
    both('attempts ÷ calls', ({ amplification }) => numberText(amplification)),
    ...failures.map(([reason, count]) => ({ name: `failed: ${printable(reason, 60)}`, value: `${count}` })),
  ]
}

/** The same for programs. */
export function simulationJson(name: string, seed: number, report: SimulationReport, recording?: Recording): object {
  return {
    scenario: name,
    seed,
    ...report,
    ...(recording === undefined ? undefined : { recording: figuresOf(recording) }),
  }
}

/** Without the traffic itself. */
function figuresOf(recording: Recording): Recording {
  const { service, durationMs, calls, goodput, p50Ms, p99Ms, p999Ms, amplification, lost } = recording
  return { service, durationMs, calls, goodput, p50Ms, p99Ms, p999Ms, amplification, lost }
}
