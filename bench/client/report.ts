import { markdownReport } from '../markdown-report.ts'
import { numberText, ratioText, spreadText } from '../number-text.ts'
import { pairedRatio, spreadOf } from '../spread.ts'
import { table } from '../table.ts'
import { higherIsBetter, type Target } from '../target.ts'
import {
  axiosOne,
  axiosTurn,
  balancedPool,
  fetchTurn,
  floor,
  gotTurn,
  lbAxios,
  lbAxiosOne,
  lbAxiosUndici,
  lbFetch,
  lbUndici,
  undiciPools,
} from './contenders.ts'
import type { LoadResult } from './load.ts'
import type { OutageResult } from './outage.ts'

/** What one client did, round by round. */
export interface ClientResult {
  readonly name: string
  readonly rounds: readonly LoadResult[]
}

export interface ClientReport {
  readonly clients: readonly ClientResult[]
  readonly outages: readonly OutageResult[]
  readonly seconds: number
  readonly inFlight: number
}

type Figure = 'requestsPerSecond' | 'p50Ms' | 'p99Ms' | 'cpuUsPerRequest'

/** The peer of each client: what it is built on. */
function peerOf(name: string): string {
  if (name === lbFetch) return fetchTurn
  const onNode = [axiosOne, axiosTurn, lbAxiosOne, lbAxios, lbAxiosUndici, gotTurn, 'node:http, one backend']
  return onNode.includes(name) ? axiosOne : undiciPools
}

function figures(clients: readonly ClientResult[], name: string, figure: Figure): readonly number[] {
  const found = clients.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no result of ${name}`)
  return found.rounds.map((round) => round[figure])
}

export function targets({ clients, outages }: ClientReport): Target[] {
  const rate = (one: string, other: string, least: number, isAbove = false): Target => {
    const ratio = pairedRatio(figures(clients, one, 'requestsPerSecond'), figures(clients, other, 'requestsPerSecond'))
    return {
      text: `requests/s of ${one} ${isAbove ? '>' : '≥'} ${least} × ${other}`,
      met: isAbove ? ratio > least : ratio >= least,
      evidence: `${ratio.toFixed(3)} ×`,
      ratio: higherIsBetter(ratio),
    }
  }
  const failed = outages.filter(({ name }) => name.startsWith('@lb/')).map(({ failedShare }) => failedShare)
  return [
    rate(lbAxios, axiosTurn, 1),
    rate(lbAxiosUndici, axiosTurn, 2),
    rate(lbUndici, undiciPools, 1),
    rate(lbUndici, balancedPool, 1, true),
    rate(lbFetch, fetchTurn, 1),
    {
      text: 'GETs of @lb/undici and @lb/axios that fail while one of three backends is down: 0',
      met: failed.every((share) => share === 0),
      evidence: failed.map(percent).join(', '),
    },
  ]
}

export function report(found: ClientReport): string {
  const rounds = found.clients[0]?.rounds.length ?? 0
  return markdownReport({
    title: 'Clients side by side',
    command: 'bench:client',
    intro: [
      `${found.inFlight} requests in flight, the next as soon as one ends; GET of 30 bytes of JSON, parsed.`,
      `Three nginx backends; each client a process of its own that was warmed up, in ${rounds} interleaved rounds of ${found.seconds} s, each after half as`,
      'long under load. Median (quartiles) of the rounds; ratios are medians of the ratio within a round. The cores are shared: only the ratios mean something.',
    ],
    body: [
      '## Requests per second',
      '',
      rateTable(found.clients),
      '',
      '## CPU time of the client per request, µs',
      '',
      cpuTable(found.clients),
      '',
      '## kill −9 of one of three backends, and its return on the same port',
      '',
      `All clients at once, 8 workers each that pause 20 ms after each request. A third of the requests would go to the backend.`,
      '',
      outageTable(found.outages),
      '',
    ],
    targets: targets(found),
    notes,
  })
}

const notes: readonly string[] = [
  `The peer of those on undici is “${undiciPools}”, of fetch “${fetchTurn}”, of all others “${axiosOne}”. The floor is a Pool’s bare \`dispatch\`: nothing on undici can do less.`,
  'All clients have the same limit of 64 connections for each backend; axios, @lb/axios and got have the same kind of agent. @lb/axios and @lb/undici have default ' +
    'options: retries, outlier detection and events are on. got does not retry.',
  'All clients on undici have the same version of it.',
  'p50 and p99 follow from the requests in flight and the rate; they show pauses more than speed.',
]

function ratios(clients: readonly ClientResult[], name: string, figure: Figure): string[] {
  const own = figures(clients, name, figure)
  return [peerOf(name), floor].map((other) => ratioText(pairedRatio(own, figures(clients, other, figure))))
}

function rateTable(clients: readonly ClientResult[]): string {
  return table(
    ['client', 'requests/s', '× peer', '× floor', 'p50 ms', 'p99 ms', 'failed'],
    clients.map(({ name, rounds }) => [
      name,
      spreadText(spreadOf(figures(clients, name, 'requestsPerSecond'))),
      ...ratios(clients, name, 'requestsPerSecond'),
      spreadOf(figures(clients, name, 'p50Ms')).median.toFixed(2),
      spreadOf(figures(clients, name, 'p99Ms')).median.toFixed(2),
      numberText(rounds.reduce((sum, { failures }) => sum + failures, 0)),
    ]),
  )
}

function cpuTable(clients: readonly ClientResult[]): string {
  return table(
    ['client', 'CPU µs per request', '× peer', '× floor'],
    clients.map(({ name }) => [
      name,
      spreadText(spreadOf(figures(clients, name, 'cpuUsPerRequest'))),
      ...ratios(clients, name, 'cpuUsPerRequest'),
    ]),
  )
}

function outageTable(outages: readonly OutageResult[]): string {
  const peer = outages.find(({ name }) => name === axiosTurn)?.failedShare ?? Number.NaN
  return table(
    [
      'client',
      'requests while down',
      'failed',
      `× ${axiosTurn}`,
      'p99 ms',
      'share of the backend in the first second',
      'in the last second',
    ],
    outages.map(({ name, requests, failedShare, p99Ms, firstShare, lastShare }) => [
      name,
      numberText(requests),
      percent(failedShare),
      ratioText(failedShare / peer),
      p99Ms.toFixed(1),
      percent(firstShare),
      percent(lastShare),
    ]),
  )
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}
