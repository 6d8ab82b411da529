import type { EligibilityResult } from '../health/eligibility/eligibility.ts'
import type { ZoneRouting } from '../health/eligibility/zone-routing.ts'
import type { EventChannel } from '../observe/events.ts'

/** Panic and zone routing of one service as they are now; tells when they change. */
export class EligibilityState {
  readonly #service: string
  readonly #events: EventChannel
  #panic: string | undefined
  #zone: ZoneRouting | undefined

  constructor(service: string, events: EventChannel) {
    this.#service = service
    this.#events = events
  }

  get panic(): string | undefined {
    return this.#panic
  }

  get zone(): ZoneRouting | undefined {
    return this.#zone
  }

  enter({ panic, zone }: Pick<EligibilityResult, 'panic' | 'zone'>): void {
    const before = { panic: this.#panic, zone: this.#zone }
    this.#panic = panic
    this.#zone = zone
    if (!this.#events.active) return
    const service = this.#service
    if (panic !== before.panic) this.#events.emit({ type: 'panic-changed', service, reason: panic })
    if (zone === undefined || before.zone?.active === zone.active) return
    const { active, reason } = zone
    this.#events.emit({ type: 'zone-routing-changed', service, active, reason })
  }
}
