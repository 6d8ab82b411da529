import { DiscoveryError, type Registration, type ServiceInstance } from '@lb/core'
import { messageOf, type RenewalOptions, RenewedRegistration } from '@lb/core/authoring'
import type { AgentRegistration } from './agent-registration.ts'

/** One instance that is kept registered with an agent. */
export interface ConsulRegistration extends Registration {
  /**
   * Maintenance: the instance stays registered, and takes no new traffic. `reason` is for operators. The wish holds when the instance is
   * registered again, too. Resolves when the agent knows.
   *
   * @throws DiscoveryError when the agent cannot be reached; the wish is sent again with each renewal
   */
  maintenance(enabled: boolean, reason?: string): Promise<void>
}

/** A registration from its beginning to its end, whatever comes in between. */
export class KeptRegistration implements ConsulRegistration {
  readonly service: string
  readonly instance: ServiceInstance
  readonly #steps: AgentRegistration
  readonly #started: Promise<RenewedRegistration>
  readonly #onEnd: () => void
  #ended: Promise<void> | undefined

  constructor(
    service: string,
    instance: ServiceInstance,
    steps: AgentRegistration,
    options: RenewalOptions & { readonly onEnd: () => void },
  ) {
    this.service = service
    this.instance = instance
    this.#steps = steps
    this.#onEnd = options.onEnd
    this.#started = RenewedRegistration.start(steps, options)
    this.#started.catch(options.onEnd)
  }

  /** @throws DiscoveryError when the first registration fails */
  async started(): Promise<this> {
    try {
      await this.#started
    } catch (cause) {
      throw this.#error('could not be registered', cause)
    }
    return this
  }

  async maintenance(enabled: boolean, reason?: string): Promise<void> {
    if (this.#ended !== undefined) throw this.#error('is in no maintenance', new Error('it was deregistered'))
    try {
      await this.#steps.maintenance(enabled, reason)
    } catch (cause) {
      throw this.#error('could not be put into its maintenance, or out of it', cause)
    }
  }

  deregister(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    try {
      const renewed = await this.#started.catch(() => undefined)
      await renewed?.deregister()
    } catch (cause) {
      throw this.#error('could not be deregistered', cause)
    } finally {
      this.#onEnd()
    }
  }

  #error(what: string, cause: unknown): DiscoveryError {
    const { service, instance } = this
    return new DiscoveryError(`${service}: ${instance.id} ${what}: ${messageOf(cause)}`, { service, cause })
  }
}
