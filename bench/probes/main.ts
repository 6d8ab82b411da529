/**
 * What the probes of `balancer: 'probing'` cost servers, in CPU time: `pnpm bench:probes`, on real sockets. It runs the built packages, so
 * `pnpm build` comes first. `--seconds` takes longer or shorter, `--write` writes `bench/results/probes.md`. Ends with 1 when a target is missed.
 */
import { parseArgs } from 'node:util'
import { machine } from '../machine.ts'
import { numberText } from '../number-text.ts'
import { writeResult } from '../result-file.ts'
import { table } from '../table.ts'
import { judge, type Target, targetLines } from '../target.ts'
import { Fleet, type Load } from './fleet.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds ?? (values.quick ? 2 : 10))
const probesAlone = values.quick ? 2_000 : 20_000
/** Each is run with and without probes in turn. */
const rounds = values.quick ? 1 : 3
const instances = 10

/** As 100 clients × 5 calls per second of 50 instances: each gets 10 calls per second. */
const loads: readonly Load[] = [
  { name: '5 ms of CPU', busyMs: 5, waitMs: 0, clients: 20, callsPerSecond: 5 },
  { name: '5 ms of CPU, then 15 ms of waiting', busyMs: 5, waitMs: 15, clients: 20, callsPerSecond: 5 },
  { name: '1 ms of CPU, then 19 ms of waiting', busyMs: 1, waitMs: 19, clients: 20, callsPerSecond: 5 },
]

interface Measured {
  readonly load: Load
  readonly probeMs: number
  readonly probesPerCall: number
  /** Probes × CPU time of one ÷ CPU time of the servers. */
  readonly share: number
  /** CPU time of a call with the probes for it ÷ without. */
  readonly ratio: number
  /** Of one CPU, for each instance. */
  readonly ofCore: number
}

const percent = (part: number): string => `${numberText(100 * part)} %`

async function measure(load: Load): Promise<Measured> {
  const fleet = new Fleet(load)
  await fleet.start()
  await fleet.probeMs(probesAlone)
  const probeMs = await fleet.probeMs(probesAlone)
  const probing = { cpuMs: 0, calls: 0, probes: 0 }
  const without = { cpuMs: 0, calls: 0, probes: 0 }
  for (let round = 0; round < rounds; round++) {
    for (const [balancer, sum] of [
      ['round-robin', without],
      ['probing', probing],
    ] as const) {
      const { cpuMs, calls, probes } = await fleet.run(balancer, seconds)
      sum.cpuMs += cpuMs
      sum.calls += calls
      sum.probes += probes
    }
  }
  await fleet.close()
  const spentMs = probing.probes * probeMs
  return {
    load,
    probeMs,
    probesPerCall: probing.probes / probing.calls,
    share: spentMs / probing.cpuMs,
    ratio: probing.cpuMs / probing.calls / (without.cpuMs / without.calls),
    ofCore: spentMs / (1_000 * seconds * rounds * instances),
  }
}

const measured: Measured[] = []
for (const load of loads) measured.push(await measure(load))

const targets = measured.map(
  ({ load, ofCore }): Target => ({
    text: `calls of ${load.name}: probes take at most 1 % of a CPU of each instance`,
    met: ofCore <= 0.01,
    evidence: percent(ofCore),
  }),
)
const text = `# What probes cost servers

${machine()}. ${instances} instances with \`loadProbe()\` on \`node:http\`, in one process; 20 clients × 5 calls per second with
\`balancer: 'probing'\`, ${rounds} × ${seconds} s in turn with round robin. CPU time is that of the process of the servers.

${table(
  [
    'a call',
    'CPU of a probe, ms',
    'probes for each call',
    'of a CPU, each instance',
    "of the servers' CPU time",
    'CPU of a call ÷ round robin',
  ],
  measured.map(({ load, ofCore, probeMs, probesPerCall, ratio, share }) => [
    load.name,
    probeMs.toFixed(3),
    numberText(probesPerCall),
    percent(ofCore),
    percent(share),
    ratio.toFixed(3),
  ]),
)}

${targetLines(targets).join('\n')}
`
console.log(text)
if (values.write) await writeResult('probes', text)
judge(targets)
