import { markdownReport } from './markdown-report.ts'
import type { BenchRun } from './run-bench.ts'
import { targetLines } from './target.ts'

/** All targets on one page, each bench with a link to its tables. */
export function resultsPage(runs: readonly BenchRun[]): string {
  const all = runs.flatMap(({ targets }) => targets)
  const met = all.filter((target) => target.met).length
  const minutes = runs.reduce((sum, { seconds }) => sum + seconds, 0) / 60
  return markdownReport({
    title: 'Targets',
    command: 'bench --write',
    intro: [
      `${met} of ${all.length} targets are met; the run took ${minutes.toFixed(0)} minutes.`,
      'The machine is shared: compare ratios, not absolute figures. [chaos](chaos.md) is run by `pnpm chaos`.',
    ],
    body: runs.flatMap((run) => [`## [${run.name}](${run.name}.md)`, '', ...linesOf(run), '']),
  })
}

/** The targets of a run, or why there are none. */
export function linesOf({ targets, notRun, exitCode, report }: BenchRun): string[] {
  if (notRun !== undefined) return [`- NOT RUN: ${notRun}`]
  const lines = targetLines(targets)
  if (exitCode !== 0 && targets.every(({ met }) => met)) lines.push(`- ✘ failed: exit code ${exitCode}`)
  lines.push(...report.split('\n').filter((line) => line.includes('NOT RUN')))
  return lines.length === 0 ? ['- no targets'] : lines
}
