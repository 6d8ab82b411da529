import type { ServiceInstance } from './instance.ts'
import type { InstanceSnapshot, InstanceState } from './snapshot.ts'

const reasons: Readonly<Record<InstanceState, string>> = Object.freeze({
  available: 'may be picked',
  standby: 'a lower priority number is in use',
  drained: 'its weight is 0',
  unhealthy: 'the registry says it is unhealthy',
  draining: 'removed from the list; requests in flight finish',
})

/** What is kept about one instance as long as it is known or has requests in flight. */
export class InstanceRecord {
  instance: ServiceInstance
  state: InstanceState = 'available'
  stateSinceMs: number
  inFlight = 0
  succeeded = 0
  failed = 0

  constructor(instance: ServiceInstance, nowMs: number) {
    this.instance = instance
    this.stateSinceMs = nowMs
  }

  enter(state: InstanceState, nowMs: number): void {
    if (this.state === state) return
    this.state = state
    this.stateSinceMs = nowMs
  }

  snapshot(nowMs: number): InstanceSnapshot {
    const { instance, state, inFlight, succeeded, failed } = this
    return {
      instance,
      state,
      reason: reasons[state],
      forMs: nowMs - this.stateSinceMs,
      inFlight,
      succeeded,
      failed,
    }
  }
}
