import { counted } from '@lb/core/authoring'
import type { CallTally, InstanceTally } from './call-tally.ts'
import type { CommandContext } from './command-context.ts'
import { percentile } from './latencies.ts'
import { formatMs, formatPercent } from './number-format.ts'
import { printable } from './printable.ts'
import { histogram } from './text-plot.ts'
import { type Styles, stylesFor } from './text-style.ts'
import { type Column, textTable } from './text-table.ts'

/** What `lb call` prints for people: calls, instances, latencies. */
export function callReport(tally: CallTally, seconds: number, { out, env }: CommandContext): string {
  const styles = stylesFor(out, env)
  const sorted = tally.latencies.sorted()
  const attempts = tally.instances.reduce((sum, instance) => sum + instance.attempts, 0)
  const failures = tally.failures === 0 ? '0 failed' : styles.red(`${tally.failures} failed`)
  const count = tally.succeeded + tally.failures
  const summary = [
    `${counted(count, 'call')} in ${seconds.toFixed(2)} s (${(count / Math.max(seconds, 0.001)).toFixed(0)} per second): ${tally.succeeded} ok, ${failures}, ${tally.retries} ${tally.retries === 1 ? 'retry' : 'retries'}`,
    ...tally.reasons.slice(0, 10).map(([reason, times]) => `  ${times} × ${printable(reason, 80)}`),
  ]
  const latencies = [
    `latency p50 ${formatMs(percentile(sorted, 0.5))}, p90 ${formatMs(percentile(sorted, 0.9))}`,
    `p99 ${formatMs(percentile(sorted, 0.99))}, max ${formatMs(sorted.at(-1))}`,
  ]
  const width = Math.min(out.columns ?? 80, 100)
  const parts = [
    `${summary.join('\n')}\n`,
    textTable(columns(attempts, styles), tally.instances, { width: out.columns, heading: styles.bold }),
  ]
  if (sorted.length > 0) parts.push(`${latencies.join(', ')}\n${sorted.length > 1 ? histogram(sorted, { width }) : ''}`)
  return parts.join('\n')
}

function columns(attempts: number, { red }: Styles): Column<InstanceTally>[] {
  return [
    { title: 'ENDPOINT', cell: ({ endpoint }) => printable(endpoint) },
    { title: 'ZONE', cell: ({ zone = '' }) => printable(zone, 40) },
    { title: 'ATTEMPTS', cell: (row) => `${row.attempts}`, align: 'right' },
    { title: 'SHARE', cell: (row) => formatPercent(row.attempts / Math.max(attempts, 1)), align: 'right' },
    {
      title: 'FAILED',
      cell: ({ failed }) => `${failed}`,
      align: 'right',
      style: ({ failed }) => (failed > 0 ? red : (text) => text),
    },
    { title: 'P50', cell: ({ p50Ms }) => formatMs(p50Ms), align: 'right' },
    { title: 'P99', cell: ({ p99Ms }) => formatMs(p99Ms), align: 'right' },
  ]
}

/** The same for programs. Durations are in milliseconds. */
export function callReportJson(tally: CallTally, seconds: number): object {
  const sorted = tally.latencies.sorted()
  return {
    calls: tally.succeeded + tally.failures,
    succeeded: tally.succeeded,
    failed: tally.failures,
    retries: tally.retries,
    seconds,
    statuses: Object.fromEntries(tally.statuses),
    failures: Object.fromEntries(tally.reasons),
    latencyMs: {
      p50: percentile(sorted, 0.5),
      p90: percentile(sorted, 0.9),
      p99: percentile(sorted, 0.99),
      max: sorted.at(-1),
    },
    instances: tally.instances,
  }
}
