import type { RegistrationSteps } from '@lb/core/authoring'
import type { ApiAnswer, NacosClient, VersionedRequest } from './client.ts'
import { beatRequest, deregisterRequest, type RegistrationTarget, registerRequest } from './registration-request.ts'

/** What servers do with an instance that names none: 15 s after the last beat it is unhealthy, after 30 s forgotten. */
const defaultIntervalMs = 5_000
const [minIntervalMs, maxIntervalMs] = [500, 60_000]
/** Where an instance says how often it beats. */
const intervalKey = 'preserved.heart.beat.interval'

/** Codes of answers that the instance is not known: of version 1 and of version 3. */
const unknownInstance = { v1: 20404, v3: 21003 } as const

/** How one instance is registered in Nacos, and kept there by beats. */
export class Beats implements RegistrationSteps {
  readonly #client: NacosClient
  readonly #target: RegistrationTarget
  #intervalMs: number
  /** After a registration, the first beat is a full one; the answer says whether the next may be light. */
  #isLight = false
  /** The caller waits for the first registration; what comes after does not keep the process alive. */
  #isRegistered = false

  constructor(session: NacosClient, target: RegistrationTarget) {
    this.#client = session
    this.#target = target
    this.#intervalMs = boundedMs(Number(target.instance.metadata[intervalKey])) ?? defaultIntervalMs
  }

  async register(signal: AbortSignal): Promise<number> {
    this.#isLight = false
    await this.#demandOk({ ...registerRequest(this.#target), signal, background: this.#isRegistered })
    this.#isRegistered = true
    return this.#intervalMs
  }

  async renew(signal: AbortSignal): Promise<number | 'lost'> {
    const request = { ...beatRequest(this.#target, this.#isLight), signal, background: true }
    const given = await this.#client.ask(request)
    const { code, message, clientBeatInterval, lightBeatEnabled } = this.#fields(given, request)
    if (code === unknownInstance[given.version]) return 'lost'
    // The first versions of Nacos give no code.
    const isFine = given.version === 'v3' ? code === 0 : code === undefined || code === 10_200
    if (!isFine) throw this.#client.error(given, request, `code ${String(code)}, ${String(message)}`)
    this.#isLight = lightBeatEnabled === true
    this.#intervalMs = boundedMs(clientBeatInterval) ?? this.#intervalMs
    return this.#intervalMs
  }

  async deregister(): Promise<void> {
    await this.#demandOk(deregisterRequest(this.#target))
  }

  /** Something that is answered with "ok": as a text by version 1, in an envelope by version 3. */
  async #demandOk(request: VersionedRequest): Promise<void> {
    const given = await this.#client.ask(request)
    if (given.version === 'v1') {
      if (given.answer.text.trim() !== 'ok') throw this.#client.error(given, request, 'the answer is not "ok"')
      return
    }
    const { code, message } = this.#fields(given, request)
    if (code !== 0) throw this.#client.error(given, request, `code ${String(code)}, ${String(message)}`)
  }

  #fields(given: ApiAnswer, request: VersionedRequest): Readonly<Record<string, unknown>> {
    const value = given.answer.json()
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
    throw this.#client.error(given, request, 'the answer is no object')
  }
}

function boundedMs(value: unknown): number | undefined {
  if (typeof value !== 'number' || !(value > 0)) return undefined
  return Math.max(minIntervalMs, Math.min(value, maxIntervalMs))
}
