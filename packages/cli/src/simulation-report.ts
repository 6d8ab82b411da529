import type { SimulationReport } from '@lb/testing/simulation'
import type { CommandContext } from './command-context.ts'
import { formatMs, formatPercent, numberText } from './number-format.ts'
import { printable } from './printable.ts'
import { columnPlot } from './text-plot.ts'
import { stylesFor } from './text-style.ts'
import { textTable } from './text-table.ts'

interface Figure {
  readonly name: string
  readonly value: string
}

const columns = [
  { title: 'FIGURE', cell: ({ name }: Figure) => name },
  { title: 'VALUE', cell: ({ value }: Figure) => value, align: 'right' as const },
]

/** What `lb simulate` prints for people: figures, a plot of the goodput, and the hash. */
export function simulationReport(
  name: string,
  seed: number,
  report: SimulationReport,
  { description, context }: { readonly description: string; readonly context: CommandContext },
): string {
  const { out, env } = context
  const { bold } = stylesFor(out, env)
  const goodputs = report.seconds.map(({ calls, succeeded }) => (calls === 0 ? 1 : succeeded / calls))
  return [
    `${bold(printable(name))}: ${printable(description)}\n`,
    textTable(columns, figures(report), { width: out.columns, heading: bold }),
    `goodput of calls by the second in which they began\n${columnPlot(goodputs, { width: Math.min(out.columns ?? 80, 100) })}`,
    `seed ${seed}, hash ${report.hash}\n`,
  ].join('\n')
}

function figures(report: SimulationReport): Figure[] {
  const failures = Object.entries(report.failures)
  const worst = report.seconds.reduce(
    (least, { calls, succeeded }) => (calls === 0 ? least : Math.min(least, succeeded / calls)),
    1,
  )
  return [
    { name: 'calls', value: `${report.calls}` },
    { name: 'goodput', value: formatPercent(report.goodput) },
    { name: 'worst second', value: formatPercent(worst) },
    { name: 'p50', value: formatMs(report.p50Ms) },
    { name: 'p99', value: formatMs(report.p99Ms) },
    { name: 'p99.9', value: formatMs(report.p999Ms) },
    { name: 'busiest instance ÷ mean', value: numberText(report.loadImbalance) },
    { name: 'attempts ÷ calls', value: numberText(report.amplification) },
    ...failures.map(([reason, count]) => ({ name: `failed: ${printable(reason, 60)}`, value: `${count}` })),
  ]
}

/** The same for programs. */
export function simulationJson(name: string, seed: number, report: SimulationReport): object {
  return { scenario: name, seed, ...report }
}
