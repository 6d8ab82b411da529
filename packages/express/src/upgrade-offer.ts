import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '@lb/core'
import { afterEarlierResponses } from './earlier-responses.ts'
import { ProxyError } from './errors.ts'
import { serverOf } from './request.ts'
import { commonRefusal, refuseUpgrade, serveWithoutUpgrade } from './unanswered-upgrade.ts'

/** Listens to a server's `upgrade` event. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** What a proxy says about upgrades. */
export interface UpgradeRoute {
  readonly clock: Clock
  /** Whether `protocol`, in lower case, is one that is passed on. */
  passesOn(protocol: string): boolean
  /** How the upgrade is answered; `undefined` when its path is not the proxy's. Does not throw. */
  match(request: IncomingMessage): ((socket: Duplex, head: Buffer) => void) | undefined
}

// The ESM and the CommonJS build may both listen to one server; a registered symbol is the same in both.
const offerKey = Symbol.for('@lb/express.upgrade-offer')
const listenerBrand = Symbol.for('@lb/express.upgrade-listener')

/** Milliseconds that a foreign listener has to take an upgrade whose path no proxy serves. */
const graceMs = 5_000

/** A listener that offers each upgrade to `routes`, of which the first with its path decides. */
export function upgradeListener(routes: readonly UpgradeRoute[]): UpgradeListener {
  const listener: UpgradeListener = (request, socket, head) => {
    const offer = UpgradeOffer.of(request, socket, head)
    for (const route of routes) offer.propose(route)
  }
  return Object.defineProperty(listener, listenerBrand, { value: routes })
}

/** The routes of a listener of any copy of this package. */
export function routesOf(listener: unknown): readonly UpgradeRoute[] | undefined {
  const { [listenerBrand]: routes }: { readonly [listenerBrand]?: readonly UpgradeRoute[] } = Object(listener)
  return routes
}

/**
 * One upgrade that a client asks for. All listeners of the server receive it; then the offer is decided:
 * the first proxy whose path it is takes it. Without a proxy it is refused, and a protocol that is not passed on is ignored: the
 * request is served.
 */
class UpgradeOffer {
  readonly #request: IncomingMessage
  readonly #socket: Duplex
  readonly #head: Buffer
  readonly #protocol: string | undefined
  #clock: Clock | undefined
  #isKnown = false
  #isMatched = false
  #take: ((socket: Duplex, head: Buffer) => void) | undefined

  static of(request: IncomingMessage & { [offerKey]?: UpgradeOffer }, socket: Duplex, head: Buffer): UpgradeOffer {
    request[offerKey] ??= new UpgradeOffer(request, socket, head)
    return request[offerKey]
  }

  private constructor(request: IncomingMessage, socket: Duplex, head: Buffer) {
    this.#request = request
    this.#socket = socket
    this.#head = head
    // RFC 9110 section 7.8: in a request of HTTP/1.0 the field means nothing.
    if (request.httpVersion !== '1.0') this.#protocol = request.headers.upgrade?.toLowerCase()
    // Without a listener an error of the connection would end the process.
    socket.on('error', () => socket.destroy())
    process.nextTick(() => this.#decide())
  }

  propose(route: UpgradeRoute): void {
    this.#clock ??= route.clock
    const passesOn = this.#protocol !== undefined && route.passesOn(this.#protocol)
    if (passesOn) this.#isKnown = true
    if (this.#isMatched) return
    const take = route.match(this.#request)
    this.#isMatched = take !== undefined
    if (passesOn) this.#take = take
  }

  /** Every listener has heard of it. */
  #decide(): void {
    const listeners = serverOf(this.#request)?.listeners('upgrade') ?? []
    const hasOthers = listeners.some((each) => routesOf(each) === undefined)
    if (hasOthers && this.#isTouched) return
    if (this.#take !== undefined) this.#answer(this.#take)
    else if (this.#isMatched || !this.#isKnown)
      this.#answer((_socket, head) => serveWithoutUpgrade(this.#request, head))
    else if (hasOthers) this.#waitForOthers()
    else this.#refuse()
  }

  /** Another listener may take it later: it may first have to check whether the client is allowed. */
  #waitForOthers(): void {
    const cancel = this.#clock?.setTimeout(() => {
      if (!this.#isTouched) this.#refuse()
    }, graceMs)
    this.#socket.once('close', () => cancel?.())
  }

  /** Whether a foreign listener has responded, or reads from the connection. */
  get #isTouched(): boolean {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return true
    return socket.listenerCount('data') > 0 || socket.listenerCount('readable') > 0
  }

  #refuse(): void {
    this.#answer(() => refuseUpgrade(this.#request, new ProxyError(404, 'There is nothing at this path.')))
  }

  #answer(answer: (socket: Duplex, head: Buffer) => void): void {
    afterEarlierResponses(this.#request.socket, () => {
      const { socket } = this.#request
      if (socket.destroyed || socket.writableEnded) return
      const refusal = commonRefusal(this.#request)
      try {
        if (refusal !== undefined) refuseUpgrade(this.#request, refusal)
        else answer(this.#socket, this.#head)
      } catch {
        // No response is possible on the connection in this state.
        socket.destroy()
      }
    })
  }
}
