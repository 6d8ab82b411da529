import type { RegistrationSteps } from '@lb/core/authoring'
import type { RegistryRequest } from '@lb/registry-http'
import type { ConsulClient } from './client.ts'
import type { RegistrarSettings } from './registrar-options.ts'
import type { ServiceDefinition } from './service-definition.ts'

interface MaintenanceWish {
  readonly enabled: boolean
  readonly reason: string | undefined
}

type Call = Pick<RegistryRequest, 'signal' | 'background'>

/** How one instance is registered with an agent, and put into maintenance. */
export class AgentRegistration implements RegistrationSteps {
  readonly #agent: ConsulClient
  readonly #definition: ServiceDefinition
  readonly #hasTtl: boolean
  /** How often it is renewed, in milliseconds. */
  readonly everyMs: number
  #isRegistered = false
  #token: string | undefined
  #maintenance: MaintenanceWish = { enabled: false, reason: undefined }
  #maintenanceIsKnown = true
  #sending: Promise<void> = Promise.resolve()

  constructor(agent: ConsulClient, definition: ServiceDefinition, { check }: RegistrarSettings) {
    this.#agent = agent
    this.#definition = definition
    this.#hasTtl = 'ttlMs' in check
    this.everyMs = 'ttlMs' in check ? Math.ceil(check.ttlMs / 3) : check.intervalMs
  }

  async register(signal: AbortSignal): Promise<number> {
    // The caller waits for the first one only.
    const call = { signal, background: this.#isRegistered }
    await this.#define(call)
    if (this.#maintenance.enabled) this.#maintenanceIsKnown = false
    await this.#sendMaintenance(call)
    return this.everyMs
  }

  async renew(signal: AbortSignal): Promise<number | 'lost'> {
    const call = { signal, background: true }
    if (await this.#hasOtherToken(call)) return 'lost'
    if (!(await (this.#hasTtl ? this.#pass(call) : this.#isKnown(call)))) return 'lost'
    await this.#sendMaintenance(call)
    return this.everyMs
  }

  async deregister(): Promise<void> {
    // When that fails, so may the rest, and says why.
    if (await this.#hasOtherToken({})) await this.#define({}).catch(() => {})
    const path = `/v1/agent/service/deregister/${this.#id}`
    const answer = await this.#agent.ask({ method: 'PUT', path })
    // 404: newer versions say that there was none.
    if (answer.status !== 200 && answer.status !== 404) throw this.#agent.refusal(answer, path)
  }

  /** Sent now, and again with each renewal until the agent knows. The last wish counts. */
  maintenance(enabled: boolean, reason: string | undefined): Promise<void> {
    this.#maintenance = { enabled, reason }
    this.#maintenanceIsKnown = false
    return this.#sendMaintenance({})
  }

  get #id(): string {
    return encodeURIComponent(this.#definition.ID)
  }

  async #define(call: Call): Promise<void> {
    const token = await this.#agent.token(call)
    await this.#agent.demand({
      ...call,
      method: 'PUT',
      path: '/v1/agent/service/register',
      // Checks that an earlier run left. Later on they are those of operators, such as their maintenance.
      query: { 'replace-existing-checks': this.#isRegistered ? undefined : 'true' },
      body: this.#definition,
    })
    this.#token = token
    this.#isRegistered = true
  }

  /** The agent registers with the servers by the token that the registration came with, which may have expired. */
  async #hasOtherToken(call: Call): Promise<boolean> {
    return (await this.#agent.token(call)) !== this.#token
  }

  async #pass(call: Call): Promise<boolean> {
    const path = `/v1/agent/check/pass/${encodeURIComponent(this.#definition.Check.CheckID)}`
    const answer = await this.#agent.ask({ ...call, method: 'PUT', path })
    if (answer.status === 200) return true
    // Older versions say 500 for a check that they do not know, newer ones 404.
    if (answer.status === 404 || answer.status === 500) return false
    throw this.#agent.refusal(answer, path)
  }

  async #isKnown(call: Call): Promise<boolean> {
    const path = `/v1/agent/service/${this.#id}`
    const answer = await this.#agent.ask({ ...call, method: 'GET', path })
    if (answer.status === 200) return true
    if (answer.status === 404) return false
    throw this.#agent.refusal(answer, path)
  }

  // One at a time, so that an earlier wish does not arrive after a later one.
  #sendMaintenance(call: Call): Promise<void> {
    const send = async (): Promise<void> => {
      if (this.#maintenanceIsKnown) return
      const wish = this.#maintenance
      const { enabled, reason } = wish
      await this.#agent.demand({
        ...call,
        method: 'PUT',
        path: `/v1/agent/service/maintenance/${this.#id}`,
        query: { enable: String(enabled), reason },
      })
      if (this.#maintenance === wish) this.#maintenanceIsKnown = true
    }
    this.#sending = this.#sending.then(send, send)
    return this.#sending
  }
}
