import { markdownReport } from '../markdown-report.ts'
import { numberText, ratioText, spreadText } from '../number-text.ts'
import { pairedRatio, spreadOf } from '../spread.ts'
import { table } from '../table.ts'
import { higherIsBetter, lowerIsBetter, type Target } from '../target.ts'
import { floor } from './contenders.ts'
import type { LoadResult } from './load.ts'

export interface ProxyRound extends LoadResult {
  readonly cpuUsPerRequest: number
}

/** What one contender did in one table, round by round. */
export interface ProxyResult {
  readonly name: string
  readonly rounds: readonly ProxyRound[]
}

export interface KillResult {
  readonly name: string
  readonly requests: number
  readonly failures: number
}

export interface ProxyReport {
  readonly small: readonly ProxyResult[]
  /** Not in the quick form. */
  readonly large: readonly ProxyResult[]
  readonly kills: readonly KillResult[]
}

type Figure = 'requestsPerSecond' | 'p50Ms' | 'p99Ms' | 'cpuUsPerRequest'

const hpmExpress = 'http-proxy-middleware on Express 5'
const hpmBare = 'http-proxy-middleware on node:http'
const replyFrom = '@fastify/reply-from on Fastify 5'

function figures(results: readonly ProxyResult[], name: string, figure: Figure): readonly number[] {
  const found = results.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no result of ${name}`)
  return found.rounds.map((round) => round[figure])
}

function ratio(results: readonly ProxyResult[], one: string, other: string, figure: Figure): number {
  return pairedRatio(figures(results, one, figure), figures(results, other, figure))
}

export function targets({ small, large, kills }: ProxyReport): Target[] {
  const faster = (
    where: string,
    results: readonly ProxyResult[],
    one: string,
    other: string,
    least: number,
  ): Target => {
    const value = ratio(results, one, other, 'requestsPerSecond')
    return {
      text: `${where}: requests/s of ${one} ≥ ${least} × ${other}`,
      met: value >= least,
      evidence: `${value.toFixed(2)} ×`,
      ratio: higherIsBetter(value),
    }
  }
  const cpu = ratio(small, 'lb on Express 5', hpmExpress, 'cpuUsPerRequest')
  const failed = kills.filter(({ name }) => name.startsWith('lb')).reduce((sum, { failures }) => sum + failures, 0)
  return [
    faster('small', small, 'lb on Express 5', hpmExpress, 1.6),
    {
      text: `small: CPU per request of lb on Express 5 ≤ 0.65 × ${hpmExpress}`,
      met: cpu <= 0.65,
      evidence: `${cpu.toFixed(2)} ×`,
      ratio: lowerIsBetter(cpu),
    },
    faster('small', small, 'lb on Express 5', replyFrom, 1.1),
    faster('small', small, 'lb on node:http', hpmBare, 1.8),
    ...(large.length === 0
      ? []
      : [
          faster('64 KB', large, 'lb on Express 5', hpmExpress, 1),
          faster('64 KB', large, 'lb on Express 5', replyFrom, 1),
        ]),
    {
      text: 'GETs of lb that fail when one of three backends is killed: 0',
      met: failed === 0,
      evidence: numberText(failed),
    },
  ]
}

export function report(found: ProxyReport, seconds: number): string {
  const rounds = found.small[0]?.rounds.length ?? 0
  return markdownReport({
    title: 'Reverse proxies side by side',
    command: 'bench:proxy',
    intro: [
      `wrk with 48 connections, three nginx backends, each proxy a process of its own that was warmed up;`,
      `${rounds} interleaved rounds of ${seconds} s. Median (quartiles) of the rounds; ratios are medians of the ratio within a round.`,
      'The machine is shared and its cores are not enough for wrk, backends and proxy at once: only the ratios mean something.',
    ],
    body: [
      '## Small bodies (30 bytes)',
      '',
      ...tables(found.small),
      ...(found.large.length === 0 ? [] : ['## 64 KB bodies', '', ...tables(found.large)]),
      '## kill −9 of one of three backends under load',
      '',
      table(
        ['proxy', 'GETs', 'failed', '%'],
        found.kills.map(({ name, requests, failures }) => [
          name,
          numberText(requests),
          numberText(failures),
          ((100 * failures) / requests).toFixed(2),
        ]),
      ),
      '',
    ],
    targets: targets(found),
  })
}

function tables(results: readonly ProxyResult[]): string[] {
  const ratios = (name: string, figure: Figure): string[] =>
    [hpmExpress, floor].map((other) => ratioText(ratio(results, name, other, figure)))
  return [
    `The peer is ${hpmExpress}. The floor pipes what comes through \`dispatch\` of undici to the client and does nothing else.`,
    '',
    table(
      ['proxy', 'requests/s', '× peer', '× floor', 'p50 ms', 'p99 ms', 'failed'],
      results.map(({ name, rounds }) => [
        name,
        spreadText(spreadOf(figures(results, name, 'requestsPerSecond'))),
        ...ratios(name, 'requestsPerSecond'),
        spreadOf(figures(results, name, 'p50Ms')).median.toFixed(2),
        spreadOf(figures(results, name, 'p99Ms')).median.toFixed(2),
        numberText(rounds.reduce((sum, { failures }) => sum + failures, 0)),
      ]),
    ),
    '',
    table(
      ['proxy', 'CPU µs per request', '× peer', '× floor'],
      results.map(({ name }) => [
        name,
        spreadText(spreadOf(figures(results, name, 'cpuUsPerRequest'))),
        ...ratios(name, 'cpuUsPerRequest'),
      ]),
    ),
    '',
  ]
}
