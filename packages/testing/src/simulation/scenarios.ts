import type { Scenario } from './scenario.ts'
import type { InstanceBehaviour } from './simulated-instance.ts'
import type { SimulationWorld } from './simulation-options.ts'

/** The name of a scenario in `scenarios`. */
export type ScenarioName =
  | 'cold-start'
  | 'slow-middle'
  | 'dying-instance'
  | 'grey-failure'
  | 'rolling-deploy'
  | 'zone-loss'
  | 'registry-outage'
  | 'retry-storm'

const cold: InstanceBehaviour = Object.freeze({ warmUp: { factor: 3, durationMs: 10_000 } })

/** All scenarios by name. Their times are fractions of the duration, so they fit into any duration. */
export const scenarios: Readonly<Record<ScenarioName, Scenario>> = Object.freeze({
  'cold-start': {
    description:
      'Clients and instances start together; the list arrives within half a second, and the instances take half as long again at first.',
    instance: { warmUp: { factor: 1.5, durationMs: 10_000 } },
    script: ({ registry }) => {
      registry.lag = { kind: 'uniform', minMs: 0, maxMs: 500 }
    },
  },
  'slow-middle': {
    description: 'One instance takes 10 times as long during the middle third.',
    script: (world) => duringMiddleThird(world, { slowdown: 10 }, { slowdown: 1 }),
  },
  'dying-instance': {
    description:
      'One instance gets slow and fails one request in five, then dies; the registry notices late, and a cold one replaces it.',
    script: dyingInstance,
  },
  'grey-failure': {
    description:
      'One instance answers every request with a 500 within a millisecond during the middle third, and looks healthy to probes.',
    script: (world) => duringMiddleThird(world, { failureRatio: 1, failureTime: 1 }, { failureRatio: 0 }),
  },
  'rolling-deploy': {
    description:
      'All instances are replaced in five batches: new ones, which take 3 times as long at first, are listed before old ones go.',
    script: rollingDeploy,
  },
  'zone-loss': {
    description:
      'A third of the instances, one zone, takes requests and never answers; the registry notices late, and lists them again at two thirds.',
    script: zoneLoss,
  },
  'registry-outage': {
    description:
      'The registry fails for half the time, while one instance in ten dies; it comes back with an empty list first.',
    script: registryOutage,
  },
  'retry-storm': {
    description: 'Every instance takes 4 times as long during the middle third: twice the load that they can carry.',
    script: ({ at, durationMs, fleet }) => {
      const slowDown = (slowdown: number) => () => {
        for (const instance of fleet.all) instance.behave({ slowdown })
      }
      at(durationMs / 3, slowDown(4))
      at((2 * durationMs) / 3, slowDown(1))
    },
  },
})

/** The first instance does something else for a while. */
function duringMiddleThird(
  { at, durationMs, fleet }: SimulationWorld,
  then: InstanceBehaviour,
  after: InstanceBehaviour,
): void {
  at(durationMs / 3, () => fleet.all[0]?.behave(then))
  at((2 * durationMs) / 3, () => fleet.all[0]?.behave(after))
}

/** How long a registry takes to notice that an instance is dead. */
function noticedAfterMs({ durationMs }: SimulationWorld): number {
  return Math.min(10_000, durationMs / 6)
}

function dyingInstance(world: SimulationWorld): void {
  const { at, durationMs, fleet } = world
  const dying = fleet.listed.slice(0, 1)
  at(durationMs / 4, () => dying[0]?.behave({ slowdown: 2, failureRatio: 0.2 }))
  at(durationMs / 3, () => dying[0]?.crash())
  at(durationMs / 3 + noticedAfterMs(world), () => fleet.unlist(dying))
  at((2 * durationMs) / 3, () => fleet.list(fleet.start(1, cold)))
}

function rollingDeploy({ at, durationMs, fleet }: SimulationWorld): void {
  const old = fleet.listed
  const batches = Math.min(5, old.length)
  const stepMs = durationMs / 14
  for (let batch = 0; batch < batches; batch++) {
    const leaving = old.filter((_, index) => index % batches === batch)
    const beginMs = 2 * stepMs * (batch + 1)
    at(beginMs, () => fleet.list(fleet.start(leaving.length, cold)))
    at(beginMs + stepMs, () => fleet.unlist(leaving))
    // By then what was in flight has ended.
    at(beginMs + 2 * stepMs, () => {
      for (const instance of leaving) instance.crash()
    })
  }
}

function zoneLoss(world: SimulationWorld): void {
  const { at, durationMs, fleet } = world
  const lost = fleet.listed.filter(({ instance }) => instance.zone === fleet.listed[0]?.instance.zone)
  at(durationMs / 3, () => {
    for (const instance of lost) instance.behave({ mode: 'hanging' })
  })
  at(durationMs / 3 + noticedAfterMs(world), () => fleet.unlist(lost))
  at((2 * durationMs) / 3, () => {
    for (const instance of lost) instance.behave({ mode: 'serving' })
    fleet.list(lost)
  })
}

function registryOutage({ at, durationMs, fleet, registry }: SimulationWorld): void {
  const dying = fleet.listed.filter((_, index) => index % 10 === 0)
  const backMs = (3 * durationMs) / 4
  at(durationMs / 4, () => registry.turn('failing'))
  at(durationMs / 3, () => {
    for (const instance of dying) instance.crash()
  })
  at(backMs, () => registry.claimEmptyOnce())
  at(backMs + Math.min(2_000, durationMs / 20), () => {
    fleet.unlist(dying)
    registry.turn('answering')
  })
}
