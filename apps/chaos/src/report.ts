import { availableParallelism } from 'node:os'
import { styleText } from 'node:util'
import type { FaultResult } from './fault-result.ts'
import { type Fault, faults } from './faults.ts'
import type { Transport } from './transport.ts'

/** What became of one fault, a line for each promise. */
export function faultLines(result: FaultResult, stream: NodeJS.WriteStream): string {
  const title = styleText('bold', result.name, { stream })
  const lines = result.promises.map(({ text, kept, evidence }) => {
    const mark = kept ? styleText('green', '✔', { stream }) : styleText('red', '✘', { stream })
    return `  ${mark} ${text} (${evidence})\n`
  })
  const ejections = ejectionsText(result)
  return `${title}\n${lines.join('')}${ejections === '' ? '' : `    ${ejections}\n`}`
}

const columns: readonly string[] = [
  'fault',
  'requests',
  'failed',
  'p50 ms',
  'p99 ms',
  'p50 after',
  'p99 after',
  'extra',
  'away s',
  'back s',
  '',
]

function cells(result: FaultResult): readonly string[] {
  const { during, after } = result
  return [
    result.name,
    String(result.requests),
    String(result.failed),
    during.p50Ms.toFixed(1),
    during.p99Ms.toFixed(1),
    after.p50Ms.toFixed(1),
    after.p99Ms.toFixed(1),
    String(result.extraAttempts),
    seconds(result.awayMs),
    seconds(result.backMs),
    result.ok ? 'ok' : 'BROKEN',
  ]
}

/** Every fault in one table. */
export function table(results: readonly FaultResult[], stream: NodeJS.WriteStream): string {
  const rows = results.map(cells)
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row.map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0))).join('  ')
  const header = styleText('bold', line(columns), { stream })
  const body = rows.map((row, index) => styleText(results[index]?.ok === true ? 'reset' : 'red', line(row), { stream }))
  return `${[header, ...body].join('\n')}\n`
}

/** Every promise that did not hold, by the fault it broke in. */
export function brokenPromises(results: readonly FaultResult[]): readonly string[] {
  return results.flatMap(({ name, promises }) =>
    promises.filter(({ kept }) => !kept).map(({ text, evidence }) => `${name}: ${text} (${evidence})`),
  )
}

/** Everything, for programs. */
export function jsonDocument(results: readonly FaultResult[], ok: boolean): string {
  return `${JSON.stringify({ ok, faults: results }, rounded, 2)}\n`
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(100 * value) / 100 : value
}

const requestsOf: Readonly<Record<Transport, string>> = {
  http: 'GET requests a second through axios',
  grpc: 'idempotent calls a second through grpc-js',
}

/** Everything as a page. */
export function markdown(results: readonly FaultResult[], transport: Transport, long: boolean): string {
  const row = (row: readonly string[]): string => `| ${row.join(' | ')} |`
  const architecture = process.arch === 'x64' ? 'x86-64' : process.arch
  return [
    `# What callers see of faults${transport === 'grpc' ? ', over gRPC' : ''}`,
    '',
    `\`pnpm chaos --write${transport === 'grpc' ? ' --transport grpc' : ''}${long ? ' --long' : ''}\`, Node ${process.versions.node}, ${availableParallelism()} shared ${architecture} cores. Five backends in processes of`,
    `their own, 500 ${requestsOf[transport]} in an open loop with a time limit of 2 s, and a load balancer with`,
    'nothing but a discovery: every option has its default.',
    '',
    row(columns),
    row(columns.map((_, index) => (index === 0 ? '---' : '--:'))),
    ...results.map((result) => row(cells(result))),
    '',
    ...notes.map((note) => `- ${note}`),
    '',
    '## Promises',
    '',
    ...results.flatMap((result) => [
      `**${result.name}** – ${faultNamed(result).text}`,
      '',
      ...promiseItems(result),
      '',
    ]),
  ].join('\n')
}

const notes: readonly string[] = [
  'requests, failed: from the warm-up to the return. p50, p99: of requests that began under the fault, then of those that began just after it.',
  'extra: attempts beyond one for each request, under the fault.',
  'away: from the beginning of the fault until the struck instance gets less than 2 % of the attempts in each 100 ms, while it is ejected; – when it goes on getting more.',
  'back: from the end of the fault until every struck instance answers its share again. Ejections last 30 s by default.',
  'all-down: the bound of 1.25 attempts a request follows from the retry budget, which allows 0.2 retries for each request of ' +
    'its window of 10 s, and 100 besides: 950 for the 4 000 requests of 8 s at 500 a second, those of the warm-up included.',
]

function promiseItems(result: FaultResult): string[] {
  const ejections = ejectionsText(result)
  return [
    ...result.promises.map(({ text, kept, evidence }) => `- ${kept ? '✔' : '✘'} ${text}: ${evidence}`),
    ...(ejections === '' ? [] : [`- ${ejections}`]),
  ]
}

function faultNamed({ name }: FaultResult): Fault {
  return faults.find((fault) => fault.name === name) as Fault
}

function ejectionsText({ ejections }: FaultResult): string {
  const texts = ejections.map(({ instance, reason, enforced, forMs, afterMs, returnedAfterMs }) => {
    const how = enforced ? `for ${seconds(forMs)} s` : 'not enforced'
    const back = returnedAfterMs === undefined ? '' : `, returned at ${seconds(returnedAfterMs)} s`
    return `${instance} at ${seconds(afterMs)} s (${reason}, ${how}${back})`
  })
  const shown = texts.slice(0, 5)
  if (texts.length > shown.length) shown.push(`${texts.length - shown.length} more`)
  return texts.length === 0 ? '' : `ejected: ${shown.join('; ')}`
}

function seconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '–' : (milliseconds / 1_000).toFixed(1)
}
