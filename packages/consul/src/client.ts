import { type Clock, DiscoveryError, type Random } from '@lb/core'
import { timeLimited } from '@lb/core/authoring'
import { type RegistryAnswer, RegistryClient, type RegistryError, type RegistryRequest } from '@lb/registry-http'
import type { Connection } from './connection-options.ts'

export interface ConsulClientOptions {
  readonly owner: string
  readonly connection: Connection
  /** Questions beyond these wait for an answer to one of them. */
  readonly maxConnections: number
  readonly clock: Clock
  readonly random: Random
}

/** For questions that are answered at once: enough to keep an agent busy. */
export const connectionsForQuickAnswers = 8

/** The HTTP interface of an agent. */
export class ConsulClient {
  readonly #owner: string
  readonly #clock: Clock
  readonly #connection: Connection
  readonly #client: RegistryClient
  #sentToken: string | undefined

  constructor({ owner, connection, maxConnections, clock, random }: ConsulClientOptions) {
    this.#owner = owner
    this.#clock = clock
    this.#connection = connection
    const { url, timeoutMs, tls } = connection
    const servers = [url]
    this.#client = new RegistryClient({ owner, servers, timeoutMs, maxConnections, clock, random, ...(tls && { tls }) })
  }

  /** The token that is sent now. @throws DiscoveryError, or the reason of the signal */
  token({ signal, background = false }: Pick<RegistryRequest, 'signal' | 'background'>): Promise<string | undefined> {
    const limitMs = this.#connection.timeoutMs
    const late = (): Error =>
      new DiscoveryError(
        `${this.#owner}: no token within ${limitMs} ms: the option token is a function that takes too long`,
      )
    return timeLimited({ clock: this.#clock, limitMs, signals: [signal], background, late }, this.#connection.token)
  }

  /** @throws RegistryError when there is no answer, DiscoveryError when there is no token, or the reason of the signal */
  async ask(request: RegistryRequest): Promise<RegistryAnswer> {
    const { authorization, namespace, partition } = this.#connection
    const token = await this.token(request)
    this.#sentToken = token
    return this.#client.request({
      ...request,
      query: { ...request.query, ns: namespace, partition },
      headers: { authorization: authorization?.header, 'x-consul-token': token },
    })
  }

  /** Asks, and expects a yes. @throws RegistryError also for any other answer */
  async demand(request: RegistryRequest): Promise<RegistryAnswer> {
    const answer = await this.ask(request)
    if (answer.status !== 200) throw this.refusal(answer, request.path)
    return answer
  }

  /** The error for an answer that is of no use. Agents say why in plain text; what echoes a secret does not give it away. */
  refusal(answer: RegistryAnswer, path: string, reason: string = answer.text): RegistryError {
    const { secrets = [] } = this.#connection.authorization ?? {}
    const sent = this.#sentToken === undefined ? secrets : [...secrets, this.#sentToken]
    return this.#client.error(
      answer,
      path,
      sent.reduce((text, secret) => text.replaceAll(secret, '…'), reason),
    )
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
