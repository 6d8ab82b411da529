import { DiscoveryError, LoadBalancer } from '@lb/core'
import { checkBoolean, checkDurationMs, counted, messageOf, systemClock, systemRandom } from '@lb/core/authoring'
import {
  type BeforeApplicationShutdown,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common'
import type { HttpAdapterHost } from '@nestjs/core'
import { ApplicationRegistration, checkRegister } from './application-registration.ts'
import { drained } from './drain.ts'
import type { LoadBalancerModuleOptions } from './load-balancer.module-definition.ts'
import { namingCall } from './options.ts'

const defaultDrainTimeoutMs = 5_000

/**
 * Keeps the load balancer of one `forRoot`: waits for first lists, registers the application, drains, closes. A load balancer that a test put in its
 * place is the test's to close.
 */
export class LoadBalancerHost
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  /** The module's call, for messages. */
  readonly call: string
  /** The services under `services`; `undefined` when that is not given, and every name may exist. */
  readonly configuredServices: ReadonlySet<string> | undefined
  readonly #options: LoadBalancerModuleOptions
  readonly #services: Set<string>
  readonly #logger: Logger
  readonly #http: HttpAdapterHost
  readonly #registration: ApplicationRegistration | undefined
  #lb: LoadBalancer | undefined
  #drainEndsAtMs = 0

  /** @throws InvalidOptionError */
  constructor(call: string, options: LoadBalancerModuleOptions, http: HttpAdapterHost) {
    this.call = call
    this.#options = options
    namingCall(call, () => {
      checkBoolean('requireReady', options.requireReady)
      checkDurationMs('drainTimeoutMs', options.drainTimeoutMs)
      checkRegister(options.register)
    })
    this.configuredServices = options.services === undefined ? undefined : new Set(Object.keys(options.services))
    this.#services = new Set(this.configuredServices)
    this.#logger = new Logger('LoadBalancerModule')
    this.#http = http
    const { register, clock = systemClock, random = systemRandom } = options
    this.#registration = register && new ApplicationRegistration(register, { clock, random, logger: this.#logger })
  }

  /** The services of the application: configured, or used by a client. */
  get services(): ReadonlySet<string> {
    return this.#services
  }

  /** @throws InvalidOptionError that names the module's call */
  createLoadBalancer(): LoadBalancer {
    const { requireReady: _, drainTimeoutMs: __, register: ___, ...options } = this.#options
    this.#lb = namingCall(this.call, () => new LoadBalancer(options))
    return this.#lb
  }

  /** A client uses `service`: its first list is waited for too. */
  addService(service: string): void {
    this.#services.add(service)
  }

  /** Waits for the first list of every service, each at most its `firstListTimeoutMs`. */
  async onModuleInit(): Promise<void> {
    const lb = this.#lb
    if (lb === undefined) return
    const failures = await Promise.all(Array.from(this.#services, (service) => this.#firstListFailure(lb, service)))
    const failed = failures.filter((failure) => failure !== undefined)
    if (this.#options.requireReady === true && failed.length > 0) {
      await this.#close(lb)
      throw new DiscoveryError(
        `${this.call}: the application needs every first list (requireReady), but ${failed.join('; ')}`,
      )
    }
    for (const failure of failed) this.#logger.warn(`${failure}. The application starts without it`)
  }

  /** Registers the application when it listens, which Nest has no hook for. */
  onApplicationBootstrap(): void {
    if (this.#registration === undefined || this.#lb === undefined) return
    this.#http.listen$.subscribe(() => this.#registration?.start(this.#http.httpAdapter.getHttpServer()))
  }

  /** Takes the application out of the registry, and lets requests in flight finish while it still responds. */
  async beforeApplicationShutdown(): Promise<void> {
    if (this.#lb === undefined) return
    await this.#registration?.stop()
    const { clock = systemClock, drainTimeoutMs = defaultDrainTimeoutMs } = this.#options
    this.#drainEndsAtMs = clock.now() + drainTimeoutMs
    const left = await drained(this.#lb, clock, drainTimeoutMs)
    if (left > 0)
      this.#logger.warn(`${counted(left, 'request')} in flight after ${drainTimeoutMs} ms: the shutdown goes on`)
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.#lb === undefined) return
    const { clock = systemClock } = this.#options
    // No new requests come by now, and calls that wait for a retry were not in flight before.
    await this.#close(this.#lb, Math.max(0, this.#drainEndsAtMs - clock.now()))
    await this.#registration?.close()
  }

  async #firstListFailure(lb: LoadBalancer, service: string): Promise<string | undefined> {
    try {
      await lb.ready(service)
    } catch (error) {
      return messageOf(error)
    }
    if (lb.inspect(service).instances.length === 0) this.#logger.warn(`${service}: the list of instances is empty`)
    return undefined
  }

  async #close(lb: LoadBalancer, drainMs = 0): Promise<void> {
    try {
      await lb.close({ drainMs })
    } catch (error) {
      // The rest of the application has to shut down all the same.
      this.#logger.error(error instanceof Error ? `${error.message}: ${String(error.cause)}` : String(error))
    }
  }
}
