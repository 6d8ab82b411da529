import type { CancelTimer, LoadBalancer, ServiceInstance } from '@lb/core'
import { onDeparture, originOf } from '@lb/core/authoring'
import type { ProxySettings } from './options.ts'
import type { Tunnel } from './tunnel.ts'

type TunnelSettings = Pick<ProxySettings, 'service' | 'clock' | 'tunnelGraceMs'>

/** The open tunnels of one proxy. They end with the load balancer, and some time after their instance has left its service. */
export class Tunnels {
  readonly #lb: LoadBalancer
  readonly #settings: TunnelSettings
  /** By the origin of the instance. */
  readonly #open = new Map<string, Set<Tunnel>>()
  /** Instances that have left, and whose tunnels end when the timer fires. */
  readonly #leaving = new Map<string, CancelTimer>()
  #isClosed = false

  constructor(lb: LoadBalancer, settings: TunnelSettings) {
    this.#lb = lb
    this.#settings = settings
    lb.subscribe(() => this.#close(), ['closed'])
    onDeparture(lb, (instance, service) => {
      if (service === settings.service) this.#leave(originOf(instance))
    })
    // After the departures of the same event: the instance at an address may have got another id.
    lb.subscribe(
      (event) => {
        if (event.type !== 'instances-changed' || event.service !== settings.service) return
        for (const instance of [...event.added, ...event.updated]) this.#return(originOf(instance))
      },
      ['instances-changed'],
    )
  }

  add(instance: ServiceInstance, tunnel: Tunnel): void {
    if (this.#isClosed) {
      tunnel.end()
      return
    }
    const origin = originOf(instance)
    const open = this.#open.get(origin) ?? new Set()
    this.#open.set(origin, open.add(tunnel))
    tunnel.onClose(() => {
      open.delete(tunnel)
      if (open.size === 0 && this.#open.get(origin) === open) this.#open.delete(origin)
    })
  }

  /** Also without a tunnel: an upgrade may be on its way. */
  #leave(origin: string): void {
    const { clock, tunnelGraceMs } = this.#settings
    if (this.#isClosed || this.#leaving.has(origin) || tunnelGraceMs === Number.POSITIVE_INFINITY) return
    const end = (): void => {
      this.#leaving.delete(origin)
      // The address may be listed by another id.
      if (this.#isListed(origin)) return
      for (const tunnel of this.#open.get(origin) ?? []) tunnel.end()
    }
    this.#leaving.set(origin, clock.setTimeout(end, tunnelGraceMs, { background: true }))
  }

  /** If it leaves again, its grace begins anew. */
  #return(origin: string): void {
    this.#leaving.get(origin)?.()
    this.#leaving.delete(origin)
  }

  #isListed(origin: string): boolean {
    const { instances } = this.#lb.inspect(this.#settings.service)
    return instances.some(({ instance, state }) => state !== 'draining' && originOf(instance) === origin)
  }

  #close(): void {
    this.#isClosed = true
    for (const cancel of this.#leaving.values()) cancel()
    this.#leaving.clear()
    for (const open of this.#open.values()) for (const tunnel of open) tunnel.end()
  }
}
