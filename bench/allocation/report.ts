import { markdownReport } from '../markdown-report.ts'
import { numberText, ratioText } from '../number-text.ts'
import { pairedRatio, spreadOf } from '../spread.ts'
import { table } from '../table.ts'
import { lowerIsBetter, type Target } from '../target.ts'
import type { CallAllocation } from './contender.ts'
import { pairs } from './contenders.ts'

/** What a call takes, by the name of the contender, in the order of the rounds. */
export type Figures = ReadonlyMap<string, CallAllocation[]>

type Figure = keyof CallAllocation

function of(figures: Figures, name: string, figure: Figure): number[] {
  return (figures.get(name) ?? []).map((each) => each[figure])
}

function median(figures: Figures, name: string, figure: Figure): number {
  return spreadOf(of(figures, name, figure)).median
}

/** How many bytes the load balancer may add to a call, and to one of its peer. */
const mostBytes = 2_000
const mostRatio = 1.25

export function targets(figures: Figures): Target[] {
  const [first, ...others] = pairs
  const bytes = first === undefined ? Number.NaN : median(figures, first.ours, 'bytes')
  return [
    {
      text: `bytes of lb.execute ≤ ${numberText(mostBytes)}`,
      met: bytes <= mostBytes,
      evidence: numberText(Math.round(bytes)),
    },
    ...others.map(({ ours, peer }): Target => {
      const ratio = pairedRatio(of(figures, ours, 'bytes'), of(figures, peer, 'bytes'))
      return {
        text: `bytes of ${ours} ≤ ${mostRatio} × ${peer}`,
        met: ratio <= mostRatio,
        evidence: `${ratioText(ratio)} ×`,
        ratio: lowerIsBetter(ratio),
      }
    }),
  ]
}

export function report(figures: Figures): string {
  const rows = pairs.map(({ ours, peer }) => {
    const [own, others] = [median(figures, ours, 'bytes'), median(figures, peer, 'bytes')]
    return [
      ours,
      numberText(Math.round(own)),
      numberText(median(figures, ours, 'promises')),
      peer,
      numberText(Math.round(others)),
      numberText(median(figures, peer, 'promises')),
      ratioText(own / others),
    ]
  })
  return markdownReport({
    title: 'What a call allocates',
    command: 'bench:allocation',
    intro: [
      'Growth of the heap over 400 calls, one after the other, in a young generation that they do not fill: GET of 30 bytes of JSON over loopback, and',
      '`lb.execute` of a settled promise. Each contender in a process of its own, compiled; medians. Promises are those of the engine.',
    ],
    body: [table(['ours', 'bytes', 'promises', 'peer', 'bytes', 'promises', '× bytes'], rows), ''],
    targets: targets(figures),
    notes: [
      'Memory outside the heap of the engine, such as the bytes of bodies, is not counted.',
      'The clients on undici have the same version of it.',
    ],
  })
}
