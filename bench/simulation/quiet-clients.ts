import type { Balancer, BalancerName, ServiceInstance } from '@lb/core'
import { type SimulatedFleet, type SimulatedInstance, simulate } from '@lb/testing'
import { type Estimate, estimateOf, estimateText, isNotAbove1, ratioEstimate } from '../estimate.ts'
import { numberText } from '../number-text.ts'
import { table } from '../table.ts'
import { lowerIsBetter, type Target } from '../target.ts'

/** A fleet of clients, which together make 500 calls a second. */
interface QuietClients {
  readonly clients: number
  readonly callsPerSecond: number
}

/** The p99 of one fleet with one balancer: one figure for each seed, in the order of the seeds. */
export interface QuietResult {
  readonly fleet: QuietClients
  readonly balancer: QuietBalancer
  readonly p99Ms: readonly number[]
}

type QuietBalancer = Extract<BalancerName, 'round-robin' | 'least-request' | 'peak-ewma' | 'probing'> | 'oracle'

export interface QuietOptions {
  readonly seeds: number
  readonly seconds: number
  /** How many of the fleets. @default all */
  readonly fleets?: number
}

const allFleets: readonly QuietClients[] = [
  { clients: 100, callsPerSecond: 5 },
  { clients: 10, callsPerSecond: 50 },
  { clients: 1_000, callsPerSecond: 0.5 },
]
const columns: readonly QuietBalancer[] = ['round-robin', 'least-request', 'peak-ewma', 'probing', 'oracle']
const instances = 50
const slowInstances = 10
const slowdown = 2.2
const concurrency = 4

/** Each fleet with every balancer. */
export async function quietClients(
  { seeds, seconds, fleets }: QuietOptions,
  progress: (text: string) => void,
): Promise<QuietResult[]> {
  const results: QuietResult[] = []
  for (const fleet of allFleets.slice(0, fleets)) {
    for (const balancer of columns) {
      progress(`quiet clients: ${fleetText(fleet)}, ${balancer}`)
      const p99Ms: number[] = []
      for (let seed = 1; seed <= seeds; seed++) p99Ms.push(await p99Of(fleet, balancer, { seed, seconds }))
      results.push({ fleet, balancer, p99Ms })
    }
  }
  return results
}

async function p99Of(
  size: QuietClients,
  balancer: QuietBalancer,
  { seed, seconds }: { readonly seed: number; readonly seconds: number },
): Promise<number> {
  const world: { fleet?: SimulatedFleet } = {}
  const report = await simulate({
    ...size,
    instances,
    durationMs: seconds * 1_000,
    timeoutMs: 10_000,
    seed,
    instance: { serviceTime: { kind: 'lognormal', medianMs: 200, sigma: 0.18 }, concurrency, queueLimit: 16 },
    loadBalancer: { balancer: balancer === 'oracle' ? () => new OracleBalancer(world) : balancer },
    script: ({ fleet }) => {
      world.fleet = fleet
      for (const instance of fleet.all.slice(0, slowInstances)) instance.behave({ slowdown })
    },
  })
  return report.p99Ms
}

/** Sees what no client can: the requests of all clients on each instance, and how fast each is. The bound of what a choice can reach. */
class OracleBalancer implements Balancer {
  readonly #world: { readonly fleet?: SimulatedFleet }
  #candidates: readonly ServiceInstance[] = []
  #start = 0

  constructor(world: { readonly fleet?: SimulatedFleet }) {
    this.#world = world
  }

  update(candidates: readonly ServiceInstance[]): void {
    this.#candidates = candidates
  }

  pick(): ServiceInstance | undefined {
    const { fleet } = this.#world
    const all = this.#candidates
    // The next one is first, so that equals take turns.
    this.#start++
    let best: ServiceInstance | undefined
    let least = Number.POSITIVE_INFINITY
    for (let step = 0; step < all.length; step++) {
      const candidate = all[(this.#start + step) % all.length]
      if (candidate === undefined || fleet === undefined) continue
      const cost = timeOf(fleet.get(candidate.id))
      if (cost >= least) continue
      least = cost
      best = candidate
    }
    return best ?? all[0]
  }
}

/** How long a further request would take there, in usual service times. */
function timeOf({ active, waiting, behaviour }: SimulatedInstance): number {
  const ahead = Math.max(0, active + waiting + 1 - concurrency)
  return (behaviour.slowdown ?? 1) * (1 + ahead / concurrency)
}

/** The results as a table: p99 in milliseconds of round robin and the oracle, and in parts of round robin's. */
export function quietTable(results: readonly QuietResult[]): string {
  const rows = fleetsOf(results).map((fleet) => [
    fleetText(fleet),
    ...columns.map((balancer) => {
      const meanMs = `${numberText(Math.round(estimateOf(figuresOf(results, fleet, balancer)).mean))} ms`
      return balancer === 'round-robin' ? meanMs : `${meanMs}, ${estimateText(ratioOf(results, fleet, balancer))}`
    }),
  ])
  return table(['clients × calls/s of each', ...columns], rows)
}

/** What the balancers must reach there. */
export function quietTargets(results: readonly QuietResult[]): Target[] {
  const fleets = fleetsOf(results)
  return [
    ...fleets.map((fleet): Target => {
      const ratio = ratioOf(results, fleet, 'probing', 'oracle')
      return {
        text: `${fleetText(fleet)}: p99 of probing ≤ 1.2 × the oracle's`,
        met: ratio.mean <= 1.2,
        evidence: `${estimateText(ratio)} ×`,
        ratio: lowerIsBetter(ratio.mean),
      }
    }),
    ...fleets.flatMap((fleet) =>
      (['least-request', 'peak-ewma', 'probing'] as const).map((balancer): Target => {
        const ratio = ratioOf(results, fleet, balancer)
        // Clearly better where a client has a few calls a second.
        const limit = fleet.callsPerSecond === 5 ? 0.7 : 1
        return {
          text: `${fleetText(fleet)}: p99 of ${balancer} ≤ ${limit} × round robin's, within two standard errors`,
          met: limit === 1 ? isNotAbove1(ratio) : ratio.mean + 2 * ratio.standardError <= limit,
          evidence: `${estimateText(ratio)} ×`,
          ratio: lowerIsBetter(ratio.mean),
        }
      }),
    ),
  ]
}

function ratioOf(
  results: readonly QuietResult[],
  fleet: QuietClients,
  balancer: QuietBalancer,
  reference: QuietBalancer = 'round-robin',
): Estimate {
  return ratioEstimate(figuresOf(results, fleet, balancer), figuresOf(results, fleet, reference))
}

function fleetsOf(results: readonly QuietResult[]): QuietClients[] {
  return [...new Set(results.map(({ fleet }) => fleet))]
}

function figuresOf(results: readonly QuietResult[], fleet: QuietClients, balancer: QuietBalancer): readonly number[] {
  return results.find((each) => each.fleet === fleet && each.balancer === balancer)?.p99Ms ?? []
}

function fleetText({ clients, callsPerSecond }: QuietClients): string {
  return `${numberText(clients)} × ${callsPerSecond}`
}

/** What the table shows, in sentences. */
export function quietIntro({ seeds, seconds }: QuietOptions): string {
  return (
    `p99 in milliseconds, and in parts of round robin's with the same seed (mean of ${seeds} seeds ± one standard error). ${instances} instances serve ` +
    `${concurrency} requests at a time, lognormal around 200 ms, at half load, for ${seconds} s; ${slowInstances} of them take ${slowdown} times as long. ` +
    'The oracle sees every request of all clients, which no client can.'
  )
}
