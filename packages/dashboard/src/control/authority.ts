import type { AdapterEvent, LoadBalancer } from '@lb/core'
import { ApiError } from '../http/api-error.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Authorize, DashboardAction, Identity } from '../options.ts'

type Because = Extract<AdapterEvent, { type: 'control-refused' }>['because']

/** Decides who may change something, and emits what was refused. */
export class Authority {
  readonly #lb: LoadBalancer
  readonly #authorize: Authorize | undefined

  constructor(lb: LoadBalancer, authorize: Authorize | undefined) {
    this.#lb = lb
    this.#authorize = authorize
  }

  /**
   * Who asks for `action`.
   *
   * @throws ApiError if it is nobody who may
   */
  async check(exchange: Exchange, action: DashboardAction): Promise<Identity> {
    if (this.#authorize === undefined) {
      this.#refused(action, 'read-only')
      throw new ApiError('READ_ONLY', 'This dashboard only reads. To change something, it needs the option authorize')
    }
    const { header, raw } = exchange
    let identity: Awaited<ReturnType<Authorize>>
    try {
      identity = await this.#authorize({ header, raw }, action)
    } catch (error) {
      this.#refused(action, 'authorize-failed', error)
      throw new ApiError('FORBIDDEN', 'You may not do this')
    }
    if (isIdentity(identity)) return identity
    if (identity !== undefined && identity !== false) {
      // It would be nobody who did it.
      this.#refused(action, 'authorize-failed', new TypeError('authorize must return { by: string }, or false'))
      throw new ApiError('FORBIDDEN', 'You may not do this')
    }
    const isKnown = header('authorization') !== undefined
    this.#refused(action, isKnown ? 'forbidden' : 'unauthorized')
    if (isKnown) throw new ApiError('FORBIDDEN', 'You may not do this')
    throw new ApiError('UNAUTHORIZED', 'Say who you are', { headers: { 'www-authenticate': 'Bearer' } })
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

function isIdentity(value: unknown): value is Identity {
  return typeof value === 'object' && value !== null && 'by' in value && typeof value.by === 'string' && value.by !== ''
}
