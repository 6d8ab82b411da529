import {
  type Recording,
  runScenario,
  type ScenarioOptions,
  type SimulationReport,
  type SimulationWorld,
  scenarios,
  simulate,
} from '@lb/testing/simulation'
import { type BalancerName, most, type Settings } from './settings.ts'

/** Virtual time between two frames. */
export const frameMs = 100

/** What can be seen of one instance at one moment. */
export interface InstanceFrame {
  /** Requests that came since the frame before. */
  readonly received: number
  /** Requests that are served or wait. */
  readonly inFlight: number
  readonly state: 'serving' | 'slow' | 'failing' | 'dead'
  /** By how many clients it is ejected. */
  readonly ejectedBy: number
}

/** One moment of a run. */
export interface Frame {
  readonly instances: readonly InstanceFrame[]
  /** Since the frame before. */
  readonly retries: number
  readonly calls: number
  readonly failed: number
}

/** A run: what was seen of it, and how it ended. */
export interface RecordedRun {
  readonly frames: readonly Frame[]
  readonly report: SimulationReport
}

/** The options of the load balancers. */
function loadBalancerOf({ outlierDetection, retries }: Settings, balancer: BalancerName) {
  return {
    balancer,
    retry: { maxRetries: retries },
    ...(outlierDetection ? undefined : { outlierDetection: false as const }),
  }
}

/** What is simulated, as it would be without a page: the same options give the same hash in Node. */
function scenarioOptions(settings: Settings, balancer: BalancerName): ScenarioOptions {
  const { clients, instances, weights, callsPerSecond, utilisation, seconds, seed } = settings
  const loadBalancer = loadBalancerOf(settings, balancer)
  return { clients, instances, weights, callsPerSecond, utilisation, durationMs: seconds * 1_000, seed, loadBalancer }
}

/** Runs one side of the playground, and looks at it every `frameMs` of virtual time. A recording has its clients, instances and times. */
export async function recordedRun(
  settings: Settings,
  balancer: BalancerName,
  recording?: Recording,
): Promise<RecordedRun> {
  const frames: Frame[] = []
  const scenario =
    settings.scenario === 'none' ? { description: 'Nothing happens.', script: () => {} } : scenarios[settings.scenario]
  const script = (world: SimulationWorld): void => {
    scenario.script(world)
    record(world, frames)
  }
  if (recording !== undefined) {
    const loadBalancer = loadBalancerOf(settings, balancer)
    return { report: await simulate({ recording, seed: settings.seed, loadBalancer, script }), frames }
  }
  return { report: await runScenario({ ...scenario, script }, scenarioOptions(settings, balancer)), frames }
}

function record({ at, durationMs, fleet, subscribe }: SimulationWorld, frames: Frame[]): void {
  const received = new Map<string, number>()
  const ejections = new Map<string, Set<number>>()
  let [retries, calls, failed] = [0, 0, 0]
  subscribe((event, client) => {
    if (event.type === 'retry') retries++
    else if (event.type === 'call-finished') {
      calls++
      if (event.result !== 'ok') failed++
    } else if (event.type === 'instance-ejected' && event.enforced) {
      ejections.set(event.instance.id, (ejections.get(event.instance.id) ?? new Set()).add(client))
    } else if (event.type === 'instance-returned' || event.type === 'instance-half-open') {
      ejections.get(event.instance.id)?.delete(client)
    }
  })
  const look = (): void => {
    const instances = fleet.all.map(
      ({ instance: { id }, received: total, active, waiting, behaviour }): InstanceFrame => {
        const before = received.get(id) ?? 0
        received.set(id, total)
        const { mode = 'serving', slowdown = 1, failureRatio = 0 } = behaviour
        const state = mode !== 'serving' ? 'dead' : failureRatio > 0 ? 'failing' : slowdown > 1 ? 'slow' : 'serving'
        return { received: total - before, inFlight: active + waiting, state, ejectedBy: ejections.get(id)?.size ?? 0 }
      },
    )
    frames.push({ instances, retries, calls, failed })
    ;[retries, calls, failed] = [0, 0, 0]
  }
  // Of a long recording, the begin is shown; its figures are those of all of it.
  const shownMs = Math.min(durationMs, most.seconds * 1_000)
  for (let elapsedMs = frameMs; elapsedMs <= shownMs; elapsedMs += frameMs) at(elapsedMs, look)
}
