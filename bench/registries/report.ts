import { markdownReport } from '../markdown-report.ts'
import { numberText } from '../number-text.ts'
import { quantile } from '../spread.ts'
import { table } from '../table.ts'
import type { ChangeTimes } from './changes.ts'
import { histogram } from './histogram.ts'
import type { Plan } from './plan.ts'
import type { ScaleCost } from './scale.ts'
import { bucketMs, type Storm } from './storm.ts'

export interface Finding {
  readonly name: string
  readonly changes: ChangeTimes
  readonly scale: ScaleCost | undefined
  readonly storms: readonly Storm[]
}

export function report(findings: readonly Finding[], plan: Plan, notRun: readonly string[]): string {
  const { services, instances, clients, outageMs } = plan
  return markdownReport({
    title: 'Following registries',
    command: 'bench:registries',
    intro: [
      `Real servers with one member on loopback, except for Nacos, which is **a fake**: its figures are`,
      `those of the client and of its polling interval. Clients with default options${plan.together ? ', **all registries at once, as a trial: do not keep these figures**' : ''}.`,
    ],
    body: [
      ...notRun.flatMap((line) => [`**${line}**`, '']),
      '## From a change to the first request on the new instance',
      '',
      table(['registry', 'changes', 'p50 ms', 'p99 ms', 'max ms'], findings.map(changeRow)),
      '',
      ...changeNotes(plan),
      '',
      '## Requests to an idle registry',
      '',
      table(
        ['registry', '1 service, per minute', `${services} services, per minute`, 'per service'],
        findings.map(idleRow(plan)),
      ),
      '',
      ...idleNotes(plan),
      '',
      `## ${services} services × ${instances} instances`,
      '',
      table(
        [
          'registry',
          'all lists known, ms',
          'CPU idle, % of a core',
          'CPU with a change per second',
          'heap MB',
          'resident MB',
          'connections, most',
          'failures',
        ],
        findings.map(scaleRow),
      ),
      '',
      ...scaleNotes(plan),
      '',
      `## ${clients} clients after the registry was killed and started again ${outageMs / 1_000} s later`,
      '',
      ...stormLines(findings, plan),
      '',
    ],
  })
}

function changeRow({ name, changes }: Finding): string[] {
  const sorted = changes.toSorted((a, b) => a - b)
  return [name, String(sorted.length), ...[0.5, 0.99, 1].map((share) => numberText(quantile(sorted, share)))]
}

function changeNotes({ changingServices }: Plan): string[] {
  return [
    `- From the acknowledgement of a new instance by the registry to its first request; ${changingServices} services, each of which has one instance and`,
    '  gets another one every few seconds, while requests go on: one each millisecond after a change. 0: the request was there before the acknowledgement.',
    '- Nacos is polled every 8 to 10 s, because it pushes only over gRPC, so the median is about half of that.',
  ]
}

function idleRow({ services }: Plan): (finding: Finding) => string[] {
  return ({ name, scale }) => [
    name,
    rate(scale?.one.requestsPerMinute),
    rate(scale?.all.requestsPerMinute),
    rate((scale?.all.requestsPerMinute ?? Number.NaN) / services),
  ]
}

function idleNotes({ idleSeconds }: Plan): string[] {
  return [
    `- Counted by a proxy before the registry for ${numberText(idleSeconds)} s in which nothing changes.`,
    '- What is behind them: Consul: each of 100 blocking queries every 50 to 53 s, each further service every 8 to 10 s. etcd: a connection that is silent for 15 s is checked.',
    '  Kubernetes: a watch is renewed every 5 to 10 minutes, which this time may not show. Nacos: each service every 8 to 10 s.',
  ]
}

function scaleRow({ name, scale }: Finding): string[] {
  if (scale === undefined) return [name]
  return [
    name,
    numberText(scale.readyMs),
    scale.all.cpuPercent.toFixed(1),
    scale.busyCpuPercent.toFixed(1),
    scale.heapMegabytes.toFixed(1),
    numberText(Math.round(scale.residentMegabytes)),
    String(scale.all.mostConnections),
    String(scale.failures),
  ]
}

function scaleNotes({ services, busySeconds }: Plan): string[] {
  return [
    '- One process that does nothing else: a load balancer that follows all services, through the proxy and so without TLS. The heap is what it adds, after a collection; resident is',
    '  the whole process. Connections: the most there were, those of the start included.',
    `- A change per second: for ${numberText(busySeconds)} s an instance is added to one of the ${services} services after the other. Failures are those of the discovery in the whole time.`,
  ]
}

function stormLines(findings: readonly Finding[], { clients, comparesJitter, recoveryMs }: Plan): string[] {
  const storms = findings.flatMap(({ name, storms: own }) => own.map((storm) => ({ name, storm })))
  return [
    table(
      [
        'registry',
        'jitter',
        'noticed',
        'asked in vain',
        'asked after',
        'peak in 100 ms',
        'of new connections',
        'peak in 1 s',
        'back, median ms',
        'all back, ms',
      ],
      storms.map(stormRow),
      2,
    ),
    '',
    `- Clients without jitter, all of which noticed at the same moment, would make a peak of ${clients} in 100 ms.${comparesJitter ? ' "none" is those clients: the same, with a random number that is always 0.999.' : ''}`,
    '- "Noticed": those that failed; who polls may miss an outage. Back: from the moment when the registry answered a health check again, until a client had a list: at once when that was earlier.',
    `  They are waited for ${recoveryMs / 1_000} s long. Who comes back late failed often before: its next delay is up to 30 s.`,
    '- "Asked in vain": requests while nobody listened. Peaks are those of requests that the registry got; 100 ms and a second are any ones, so that a peak may be higher than the highest bar.',
    '- Consul and etcd listen before they can answer: what they are asked meanwhile they answer all at once, and each of those clients then asks on: Consul on the same connection, etcd on a second one.',
    '- Clients have one process, and the proxy another: 100 at the same moment are spread over a few 100 ms where a request costs much.',
    '- "Asked after": until a second after the last was back, further questions included, such as those with which etcd\'s clients check a silent connection after 15 s.',
    ...storms.flatMap(({ name, storm }) => ['', ...stormHistogram(name, storm, clients)]),
  ]
}

function stormRow({ name, storm }: { readonly name: string; readonly storm: Storm }): string[] {
  const sorted = storm.recoveriesMs.toSorted((a, b) => a - b)
  const missing = storm.noticed - storm.back
  return [
    name,
    storm.jitter ? 'as usual' : 'none',
    String(storm.noticed),
    numberText(storm.refused),
    numberText(storm.reached),
    String(storm.peakPerBucket),
    String(storm.connectionPeak),
    String(storm.peakPerSecond),
    milliseconds(sorted.length === 0 ? undefined : quantile(sorted, 0.5)),
    missing > 0 ? `${missing} are not` : milliseconds(sorted.at(-1)),
  ]
}

/** Each character is 100 ms, a full block the highest of them. */
function stormHistogram(name: string, { jitter, buckets, readyAfterMs }: Storm, clients: number): string[] {
  if (buckets.length === 0) return [`${name}, ${jitter ? 'jitter as usual' : 'no jitter'}: nobody asked.`]
  const most = Math.max(...buckets)
  const label = (index: number): string => `${String((index * bucketMs) / 1_000).padStart(3)} s`
  return [
    `${name}, ${jitter ? 'jitter as usual' : 'no jitter'}: requests in each 100 ms after the kill, answered or not; the highest bar is ${most} requests of ${clients} clients; the registry answered again after ${(readyAfterMs / 1_000).toFixed(1)} s.`,
    '',
    '```text',
    ...histogram(buckets, most, label),
    '```',
  ]
}

function milliseconds(value = Number.NaN): string {
  return numberText(Math.round(value))
}

function rate(perMinute = Number.NaN): string {
  return Number.isNaN(perMinute) ? '–' : perMinute.toFixed(1)
}
