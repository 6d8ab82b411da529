import { markdownReport } from '../markdown-report.ts'
import { numberText, ratioText } from '../number-text.ts'
import { table } from '../table.ts'
import type { Target } from '../target.ts'
import type { ServicesCost } from './setups.ts'

const mostMegabytes = 200
const mostPercent = 5

export interface ServicesReport {
  readonly costs: readonly ServicesCost[]
  /** Of one core, in percent: a process that does nothing. */
  readonly floorPercent: number
  readonly seconds: number
}

export function targets({ costs }: ServicesReport): Target[] {
  return costs.flatMap(({ setup, services, instances, heapMegabytes, idlePercent }) => [
    {
      text: `${services} × ${instances}, ${setup}: heap beyond the instances ≤ ${mostMegabytes} MB`,
      met: heapMegabytes <= mostMegabytes,
      evidence: `${heapMegabytes.toFixed(0)} MB`,
    },
    {
      text: `${services} × ${instances}, ${setup}: CPU when idle ≤ ${mostPercent} % of a core`,
      met: idlePercent <= mostPercent,
      evidence: `${idlePercent.toFixed(2)} %`,
    },
  ])
}

export function report(found: ServicesReport): string {
  return markdownReport({
    title: 'Many services in one load balancer',
    command: 'bench:services',
    intro: [
      `A load balancer with default options; each service was called once, and then no call follows for ${found.seconds} s.`,
      '“Watched”: the discovery pushes changes, of which there are none. “Polled”: it is queried for each service every 10 s, and responds at once from memory.',
    ],
    body: [
      table(
        [
          'services × instances',
          'discovery',
          'first lists ms',
          'instances MB',
          'heap beyond them MB',
          '× floor',
          'KB per service',
          'idle CPU %',
          '× floor',
          'left after close MB',
        ],
        found.costs.map((cost) => row(cost, found.floorPercent)),
        2,
      ),
      '',
    ],
    targets: targets(found),
    notes,
  })
}

const notes: readonly string[] = [
  'The floor of the heap is the parsed instances alone, in arrays, which the caller or the discovery holds anyway; of the CPU, the same process while it waits with no load balancer.',
  'Heap sizes are after forced collections.',
]

function row(cost: ServicesCost, floorPercent: number): string[] {
  return [
    `${numberText(cost.services)} × ${cost.instances}`,
    cost.setup,
    cost.readyMs.toFixed(0),
    cost.instancesMegabytes.toFixed(1),
    cost.heapMegabytes.toFixed(1),
    ratioText(cost.heapMegabytes / cost.instancesMegabytes),
    ((cost.heapMegabytes * 1_000) / cost.services).toFixed(1),
    cost.idlePercent.toFixed(2),
    ratioText(cost.idlePercent / floorPercent),
    cost.leftMegabytes.toFixed(1),
  ]
}
