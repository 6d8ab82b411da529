import type { Clock, HealthProbe, LoadProbe, ServiceInstance } from '@lb/core'
import type { SimulatedFleet } from './simulated-fleet.ts'

interface ProbedWorld {
  readonly clock: Clock
  readonly fleet: SimulatedFleet
  readonly roundTripMs: (instance: ServiceInstance) => number
}

/** Passes as long as the instance runs; one that hangs does not answer. */
export function simulatedHealthProbe({ clock, fleet, roundTripMs }: ProbedWorld): HealthProbe {
  return (instance, { signal }) =>
    new Promise((resolve, reject) => {
      const { mode } = fleet.get(instance.id).behaviour
      let cancel = (): void => {}
      const abort = (): void => {
        cancel()
        reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      if (mode === 'hanging') return
      cancel = clock.setTimeout(() => {
        signal.removeEventListener('abort', abort)
        resolve(mode !== 'refusing')
      }, roundTripMs(instance))
    })
}

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })

/** Gives the load of the instance, as it was when the probe left it. */
export function simulatedLoadProbe(world: ProbedWorld, onProbe: () => void): LoadProbe {
  const runs = simulatedHealthProbe(world)
  return async (instance, context) => {
    onProbe()
    if ((await runs(instance, context)) !== true) throw refused
    return world.fleet.get(instance.id).loadReport
  }
}
