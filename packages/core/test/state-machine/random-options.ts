import type { BalancerName, HealthProbe, LoadBalancerOptions, LoadProbe, SubsetOptions } from '../../src/index.ts'
import type { Chance } from './chance.ts'

const balancers: readonly BalancerName[] = [
  'round-robin',
  'smooth-weighted-round-robin',
  'random',
  'grouped',
  'least-request',
  'peak-ewma',
  'ring-hash',
  'maglev',
  'probing',
]

type OtherOptions = Omit<LoadBalancerOptions, 'discovery' | 'clock' | 'random' | 'balancer'>

export type RandomOptions = OtherOptions & {
  /** `undefined`: the default, which follows the weights. */
  readonly balancer: BalancerName | undefined
}

/** Options of everything, each on or off. */
export function randomOptions(chance: Chance, probe: HealthProbe, loadProbe: LoadProbe): RandomOptions {
  return {
    balancer: chance.is(0.25) ? undefined : chance.of(...balancers),
    probing: { probe: loadProbe, ...(chance.is(0.3) ? { waitRatio: 0 } : undefined) },
    emptyGraceMs: chance.of(0, 2_000),
    maxStaleMs: chance.of(Number.POSITIVE_INFINITY, 5_000),
    firstListTimeoutMs: 2_000,
    ...retries(chance),
    ...health(chance, probe),
    ...limits(chance),
    ...(chance.is(0.3) ? { loadReports: { blackoutMs: 100, updateMs: 100 } } : undefined),
    ...(chance.is(0.2) ? { throttle: { ratio: 1.5, windowMs: 5_000 } } : undefined),
  }
}

function retries(chance: Chance): Partial<OtherOptions> {
  return {
    ...(chance.is(0.4)
      ? { hedge: chance.is(0.7) ? { delayMs: chance.of(0, 10, 100), maxHedges: chance.integer(1, 3) } : {} }
      : undefined),
    retry: chance.is(0.1)
      ? false
      : {
          maxRetries: chance.integer(0, 3),
          backoffBaseMs: chance.of(0, 25, 1_000),
          ...(chance.is(0.3) ? { attemptTimeoutMs: chance.of(20, 300) } : undefined),
          budget: chance.is(0.3) ? { ratio: 0.1, minPerSecond: chance.integer(0, 1) } : chance.is(0.3) ? false : {},
        },
  }
}

function health(chance: Chance, probe: HealthProbe): Partial<OtherOptions> {
  return {
    ...(chance.is(0.5)
      ? {
          healthCheck: {
            probe,
            intervalMs: 500,
            idleIntervalMs: chance.of(500, 5_000),
            timeoutMs: 200,
            healthyThreshold: chance.integer(1, 2),
            unhealthyThreshold: chance.integer(1, 3),
            keepRemovedMs: chance.of(0, 3_000, 20_000),
          },
        }
      : undefined),
    outlierDetection: chance.is(0.1)
      ? false
      : {
          consecutiveConnectErrors: chance.integer(1, 5),
          consecutiveServerErrors: chance.integer(1, 5),
          baseEjectionMs: chance.of(500, 5_000, 30_000),
          maxEjectionPercent: chance.of(10, 34, 60, 100),
          enforce: chance.is(0.9),
          ...(chance.is(0.3) ? { noAnswer: false as const } : undefined),
        },
    ...(chance.is(0.6)
      ? {
          slowStart: { windowMs: chance.of(1_000, 20_000), minimum: chance.of(0.01, 0.1), aggression: chance.of(1, 2) },
        }
      : undefined),
    panic: chance.is(0.3) ? false : { threshold: chance.of(0, 0.3, 0.5), mode: chance.of('all', 'fail') },
    ...(chance.is(0.4) ? { zone: { local: 'x', minInstances: chance.integer(1, 4) } } : undefined),
    ...(chance.is(0.2) ? { subset: { size: chance.integer(1, 4), ...subsetClient(chance) } } : undefined),
  }
}

function subsetClient(chance: Chance): Pick<SubsetOptions, 'index' | 'clients' | 'clientId'> {
  return chance.is(0.5) ? { index: chance.integer(0, 3), clients: 4 } : { clientId: `client ${chance.integer(1, 9)}` }
}

function limits(chance: Chance): Partial<OtherOptions> {
  return {
    ...(chance.is(0.3) ? { maxInFlight: chance.is(0.2) ? 'adaptive' : chance.integer(1, 8) } : undefined),
    ...(chance.is(0.3) ? { maxInFlightPerInstance: chance.is(0.2) ? 'adaptive' : chance.integer(1, 3) } : undefined),
    queue: chance.is(0.4) ? false : { maxSize: chance.integer(0, 5), maxWaitMs: chance.of(0, 50, 1_000) },
  }
}
