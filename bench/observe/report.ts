import { markdownReport } from '../markdown-report.ts'
import { ratioText, spreadText } from '../number-text.ts'
import { pairedRatio, spreadOf } from '../spread.ts'
import { table } from '../table.ts'
import { lowerIsBetter, type Target } from '../target.ts'
import { type CallCosts, callCostTable } from './call-costs.ts'
import { contenders } from './contenders.ts'

/** Microseconds of CPU time for each request, by the name of the contender, in the order of the rounds. */
export type Figures = ReadonlyMap<string, number[]>

const most = 1.1

function ratio(figures: Figures, name: string, reference: string): number {
  return pairedRatio(figures.get(name) ?? [], figures.get(reference) ?? [])
}

export function targets(figures: Figures): Target[] {
  const found = ratio(figures, 'calls', 'transport')
  return [
    {
      text: `@lb/opentelemetry beside instrumentation-undici ≤ ${most} × that alone`,
      met: found <= most,
      evidence: `${ratioText(found)} ×`,
      ratio: lowerIsBetter(found),
    },
  ]
}

export function report(figures: Figures, costs: CallCosts): string {
  const rows = Object.entries(contenders).map(([name, text]) => [
    text,
    spreadText(spreadOf(figures.get(name) ?? [])),
    ratioText(ratio(figures, name, 'nothing')),
    ratioText(ratio(figures, name, 'transport')),
  ])
  return markdownReport({
    title: 'What it costs to be observed',
    command: 'bench:observe',
    intro: [
      'CPU time of a process that sends requests by `fetch` of `@lb/undici` over loopback, 20 at a time, for each of them.',
      'Every span is sampled, batched and given to an exporter that keeps none.',
    ],
    body: [
      table(['contender', 'µs of CPU for a request', '× not observed', '× the transport alone'], rows),
      '',
      callCostTable(costs),
      '',
    ],
    targets: targets(figures),
    notes: ['With a real exporter and sampling, both sides of the ratio grow and fall alike.'],
  })
}
