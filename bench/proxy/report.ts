import { availableParallelism } from 'node:os'

/** What one contender did in one table: medians over the rounds. */
export interface ProxyResult {
  readonly name: string
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuUsPerRequest: number
  readonly failures: number
}

export interface KillResult {
  readonly name: string
  readonly requests: number
  readonly failures: number
}

export interface ProxyReport {
  readonly small: readonly ProxyResult[]
  readonly large: readonly ProxyResult[]
  readonly kills: readonly KillResult[]
}

interface Target {
  readonly text: string
  readonly value: number
  readonly met: boolean
}

const hpmExpress = 'http-proxy-middleware on Express 5'
const hpmBare = 'http-proxy-middleware on node:http'
const replyFrom = '@fastify/reply-from on Fastify 5'

function of(results: readonly ProxyResult[], name: string): ProxyResult {
  const found = results.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no result of ${name}`)
  return found
}

export function targets({ small, large, kills }: ProxyReport): Target[] {
  const faster = (
    results: readonly ProxyResult[],
    one: string,
    other: string,
    least: number,
    where: string,
  ): Target => {
    const value = of(results, one).requestsPerSecond / of(results, other).requestsPerSecond
    return { text: `${where}: requests/s of ${one} ≥ ${least} × ${other}`, value, met: value >= least }
  }
  const cpu = of(small, 'lb on Express 5').cpuUsPerRequest / of(small, hpmExpress).cpuUsPerRequest
  const failed = kills.filter(({ name }) => name.startsWith('lb')).reduce((sum, { failures }) => sum + failures, 0)
  return [
    faster(small, 'lb on Express 5', hpmExpress, 1.6, 'small'),
    { text: `small: CPU per request of lb on Express 5 ≤ 0.65 × ${hpmExpress}`, value: cpu, met: cpu <= 0.65 },
    faster(small, 'lb on Express 5', replyFrom, 1.1, 'small'),
    faster(small, 'lb on node:http', hpmBare, 1.8, 'small'),
    faster(large, 'lb on Express 5', hpmExpress, 1, '64 KB'),
    faster(large, 'lb on Express 5', replyFrom, 1, '64 KB'),
    { text: 'failed GETs of lb when one of three backends is killed: 0', value: failed, met: failed === 0 },
  ]
}

/** The findings as Markdown that also reads well in a terminal. */
export function report(found: ProxyReport, seconds: number, rounds: number): string {
  return [
    '# Reverse proxies side by side',
    '',
    `\`pnpm bench:proxy\`, Node ${process.versions.node}, ${availableParallelism()} shared cores. wrk with 48 connections, three nginx backends, each proxy a process of its own that was warmed up; medians`,
    `of ${rounds} interleaved rounds of ${seconds} s, each after as long under load. The machine is shared and its cores are not enough for wrk, backends and proxy at once: only the ratios mean something.`,
    '',
    '## Small bodies (30 bytes)',
    '',
    ...rows(found.small),
    '',
    '## 64 KB bodies',
    '',
    ...rows(found.large),
    '',
    '## kill −9 of one of three backends under load',
    '',
    '| proxy | GETs | failed | % |',
    '| --- | ---: | ---: | ---: |',
    ...found.kills.map(
      ({ name, requests, failures }) =>
        `| ${name} | ${requests} | ${failures} | ${((100 * failures) / requests).toFixed(2)} |`,
    ),
    '',
    '## Targets',
    '',
    ...targets(found).map(({ text, value, met }) => `- ${met ? '✔' : '✘'} ${text}: ${value.toFixed(2)}`),
    '',
  ].join('\n')
}

function rows(results: readonly ProxyResult[]): string[] {
  const base = of(results, hpmExpress)
  return [
    '| proxy | requests/s | × http-proxy-middleware, Express | p50 ms | p99 ms | CPU µs per request | × | failed |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...results.map((each) => {
      const rate = (each.requestsPerSecond / base.requestsPerSecond).toFixed(2)
      const cpu = (each.cpuUsPerRequest / base.cpuUsPerRequest).toFixed(2)
      return `| ${each.name} | ${each.requestsPerSecond.toFixed(0)} | ${rate} | ${each.p50Ms.toFixed(2)} | ${each.p99Ms.toFixed(2)} | ${each.cpuUsPerRequest.toFixed(1)} | ${cpu} | ${each.failures} |`
    }),
  ]
}
