import type { AdapterEvent, Clock, LoadBalancer } from '@lb/core'
import { ApiError } from '../http/api-error.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Authorize, DashboardAction, Identity } from '../options.ts'

type Because = Extract<AdapterEvent, { type: 'control-refused' }>['because']

/** How long `authorize` may take, in milliseconds. */
const authorizeTimeoutMs = 30_000

/** Decides who may change something, and emits what was refused. */
export class Authority {
  readonly #lb: LoadBalancer
  readonly #authorize: Authorize | undefined
  readonly #clock: Clock

  constructor(lb: LoadBalancer, authorize: Authorize | undefined, clock: Clock) {
    this.#lb = lb
    this.#authorize = authorize
    this.#clock = clock
  }

  /**
   * Who asks for `action`.
   *
   * @throws ApiError if `authorize` does not allow it
   */
  async check(exchange: Exchange, action: DashboardAction): Promise<Identity> {
    const authorize = this.#authorize
    if (authorize === undefined) {
      this.#refused(action, 'read-only')
      throw new ApiError('READ_ONLY', 'This dashboard only reads. To change something, it needs the option authorize')
    }
    const { header, raw } = exchange
    let identity: Identity | undefined
    try {
      identity = identityOf(await this.#inTime(() => authorize({ header, raw }, action)))
    } catch (error) {
      this.#refused(action, 'authorize-failed', error)
      throw new ApiError('FORBIDDEN', 'You may not do this')
    }
    if (identity !== undefined) return identity
    const isKnown = header('authorization') !== undefined
    this.#refused(action, isKnown ? 'forbidden' : 'unauthorized')
    if (isKnown) throw new ApiError('FORBIDDEN', 'You may not do this')
    throw new ApiError('UNAUTHORIZED', 'Say who you are', { headers: { 'www-authenticate': 'Bearer' } })
  }

  /** What `ask` gives. What it gives too late changes nothing. */
  #inTime(ask: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`authorize took longer than ${authorizeTimeoutMs / 1_000} seconds`))
      const cancel = this.#clock.setTimeout(late, authorizeTimeoutMs, { background: true })
      Promise.resolve().then(ask).then(resolve, reject).finally(cancel)
    })
  }

  #refused({ type, service, instance }: DashboardAction, because: Because, error?: unknown): void {
    this.#lb.emit({
      type: 'control-refused',
      service: service.slice(0, 256),
      change: type,
      ...(instance === undefined ? undefined : { instanceId: instance.slice(0, 256) }),
      because,
      ...(error === undefined ? undefined : { error }),
    })
  }
}

/** The identity that `authorize` returned; `undefined`: it refused. @throws TypeError for anything else */
function identityOf(value: unknown): Identity | undefined {
  if (value === undefined || value === false) return undefined
  const by: unknown = typeof value === 'object' && value !== null && 'by' in value ? value.by : undefined
  // Every change has a name.
  if (typeof by !== 'string' || by === '') throw new TypeError('authorize must return { by: string }, or false')
  return { by }
}
