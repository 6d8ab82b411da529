import type { Clock } from '../base/clock.ts'
import { CoalescedClock } from '../base/coalesced-clock.ts'
import { counted } from '../base/counted.ts'
import { NoAvailableInstanceError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { RunningClock } from '../base/running-clock.ts'
import type { HealthCheckers } from '../config/health-checkers.ts'
import { checkServiceName, type LoadBalancerOptions } from '../config/service-options.ts'
import { type ServiceSettings, serviceSettings } from '../config/service-settings.ts'
import { BoundControl } from '../control/bound-control.ts'
import { type ControlOptions, checkControlOptions, type ServiceControl } from '../control/override.ts'
import { unknownService } from '../control/unknown-names.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import { Service } from './service.ts'
import type { Steering } from './steering.ts'

export interface ServicesOptions {
  readonly options: LoadBalancerOptions
  readonly maxServices: number
  readonly clock: Clock
  readonly running: RunningClock
  readonly random: Random
  readonly events: EventChannel
  readonly healthCheckers: HealthCheckers
}

/** Names that the discovery did not know, which come from requests, are remembered up to this number. */
const maxUnknown = 1_000

/** The services of one load balancer: those that are configured, and a bounded number of others that are in use. */
export class Services {
  readonly byName: Map<string, Service> = new Map()
  /** Names under `services`. */
  readonly configured: ReadonlySet<string>
  /** Those of them that were started. */
  readonly inUse: Map<string, Service> = new Map()
  readonly #options: ServicesOptions
  readonly #maxServices: number
  readonly #unknown = new Set<string>()
  readonly #pollClock: Clock
  /** What holds for the services that have no options of their own. */
  #common: ServiceSettings | undefined

  constructor(options: ServicesOptions) {
    this.#options = options
    this.#maxServices = options.maxServices
    this.#pollClock = new CoalescedClock(options.clock)
    this.configured = new Set(Object.keys(options.options.services ?? {}))
    for (const service of this.configured) this.byName.set(service, this.#newService(service))
  }

  /** Begins to watch or poll a service. @throws InvalidOptionError; NoAvailableInstanceError beyond `maxServices` */
  start(service: string): Service {
    const started = this.byName.get(service) ?? this.#create(service)
    this.inUse.set(service, started)
    started.start()
    return started
  }

  #create(service: string): Service {
    checkServiceName('service', service)
    this.#makeRoom(service)
    // A name that is not configured must not leave a watch behind if the discovery does not know it.
    const created = this.#newService(service, () => this.#forgetUnknown(created))
    this.byName.set(service, created)
    return created
  }

  /**
   * Control of a service that is configured or in use, whenever it is. `throwIfClosed` is called before each act.
   *
   * @throws InvalidOptionError; UnknownServiceError
   */
  control(service: string, options: ControlOptions, throwIfClosed: () => void): ServiceControl {
    checkControlOptions(options)
    checkServiceName('service', service)
    const find = (): Steering => {
      throwIfClosed()
      const known = this.byName.get(service)
      if (known === undefined) throw unknownService(service, this.byName.keys())
      return known.steering
    }
    find()
    return new BoundControl(options.by, find, () => this.byName.get(service)?.steering)
  }

  /** The service, which is not kept if it is not in use. @throws InvalidOptionError */
  peek(service: string): Service {
    checkServiceName('service', service)
    return this.byName.get(service) ?? this.#newService(service)
  }

  /** Keeps `target` and its watch until the returned function is called, even if the discovery does not know it. */
  hold(target: Service): () => void {
    let held = true
    target.holders++
    return () => {
      if (!held) return
      held = false
      target.holders--
      if (!target.name.isKnown && !this.configured.has(target.service)) this.#forgetUnknown(target)
    }
  }

  #newService(service: string, onUnknown?: () => void): Service {
    const { clock, running, random, events } = this.#options
    return new Service({
      service,
      settings: this.#settingsOf(service),
      clock,
      pollClock: this.#pollClock,
      running,
      random,
      events,
      ...(onUnknown === undefined ? undefined : { onUnknown, wasUnknown: this.#unknown.has(service) }),
    })
  }

  /** Shared as far as may be: there may be thousands. */
  #settingsOf(service: string): ServiceSettings {
    const { options, healthCheckers } = this.#options
    const settings = (): ServiceSettings => serviceSettings(options, service, (own) => healthCheckers.for(own))
    const { services = {} } = options
    if (Object.hasOwn(services, service) && Object.keys(services[service] ?? {}).length > 0) return settings()
    this.#common ??= settings()
    return { ...this.#common, nameInRegistry: service }
  }

  #forgetUnknown(target: Service): void {
    if (target.holders > 0) return
    this.#release(target)
    this.#remember(target.service)
  }

  /** That the discovery does not know `service`: all that is kept of it, for messages. */
  #remember(service: string): void {
    const unknown = this.#unknown
    unknown.delete(service)
    unknown.add(service)
    const [oldest] = unknown
    if (unknown.size > maxUnknown && oldest !== undefined) unknown.delete(oldest)
  }

  #makeRoom(service: string): void {
    if (this.byName.size < this.#maxServices) return
    for (const each of this.byName.values()) {
      if (each.isUsed || this.configured.has(each.service)) continue
      this.#release(each)
      return
    }
    throw new NoAvailableInstanceError(
      `${service}: no available instance (${counted(this.#maxServices, 'service')} in use, which is maxServices; raise it, or configure the service)`,
      { service },
    )
  }

  #release(target: Service): void {
    if (this.byName.get(target.service) !== target) return
    this.byName.delete(target.service)
    this.inUse.delete(target.service)
    target.close(target.noListError())
    this.#options.events.emit({ type: 'service-released', service: target.service })
  }
}
