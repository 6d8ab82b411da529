import { styleText } from 'node:util'
import type { PhaseResult } from './phase.ts'

/** What became of one phase, a line for each promise. */
export function phaseLines(phase: PhaseResult, stream: NodeJS.WriteStream): string {
  const title = styleText('bold', phase.name, { stream })
  const lines = phase.promises.map(({ text, kept }) => {
    const mark = kept ? styleText('green', '✔', { stream }) : styleText('red', '✘', { stream })
    return `  ${mark} ${text}\n`
  })
  return `${title}\n${lines.join('')}`
}

const columns = ['phase', 'requests', 'failures', 'attempts', 'a', 'b', 'c', 'p50 ms', 'p99 ms', ''] as const

/** Every phase in one table. */
export function table(phases: readonly PhaseResult[], stream: NodeJS.WriteStream): string {
  const rows = phases.map((phase) => [
    phase.name,
    String(phase.requests),
    String(phase.failures),
    String(phase.attempts),
    ...['a', 'b', 'c'].map((id) => percent(phase.share[id] ?? 0, phase.requests)),
    phase.p50Ms.toFixed(2),
    phase.p99Ms.toFixed(2),
    phase.ok ? 'ok' : 'BROKEN',
  ])
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ')
  const header = styleText('bold', line(columns), { stream })
  const body = rows.map((row, index) => styleText(phases[index]?.ok === true ? 'reset' : 'red', line(row), { stream }))
  return `${[header, ...body].join('\n')}\n`
}

function percent(count: number, requests: number): string {
  return `${((100 * count) / requests).toFixed(1)} %`
}

/** Everything, for programs. */
export function jsonDocument(phases: readonly PhaseResult[], ok: boolean): string {
  return `${JSON.stringify({ ok, phases }, null, 2)}\n`
}
