import type { ServiceInstance } from '@lb/core'
import { authorityOf, parseServiceUrl, type ServiceUrlRules } from '@lb/core/authoring'

/** An origin whose host is a service. */
export interface ServiceOrigin {
  readonly service: string
  /** Whether it was written as https, which never turns into http. */
  readonly secure: boolean
}

const singleLabelWithPort = /^https?:\/\/[a-z_][a-z\d_-]*:\d+$/i

/** Origins that are remembered. A program has few; what makes them up from input must not fill the memory. */
const maxRemembered = 1_000

/** Finds the service of an origin, and remembers it: a request costs one look into a map. */
export class ServiceOrigins {
  readonly #rules: ServiceUrlRules
  readonly #known = new Map<string, ServiceOrigin | undefined>()

  constructor(rules: ServiceUrlRules) {
    this.#rules = rules
  }

  /** `undefined` when `origin` is not a service's. */
  find(origin: string | URL | undefined): ServiceOrigin | undefined {
    if (origin === undefined || origin === null) return undefined
    const key = typeof origin === 'string' ? origin : textOf(origin)
    const known = this.#known.get(key)
    return known !== undefined || this.#known.has(key) ? known : this.#add(key)
  }

  #add(origin: string): ServiceOrigin | undefined {
    const url = parseServiceUrl(origin, this.#rules)
    const found = url && { service: url.service, secure: url.scheme === 'https' }
    // It may turn out to be the name of a service later on, which is worth an event.
    if (found === undefined && singleLabelWithPort.test(origin)) return undefined
    if (this.#known.size >= maxRemembered) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
    this.#known.set(origin, found)
    return found
  }
}

/** What a URL says of its origin; one without slashes has its host in the path. */
function textOf({ protocol, host, pathname }: URL): string {
  return protocol === 'lb:' && host === '' ? `lb:${pathname}` : `${protocol}//${host}`
}

interface Origins {
  readonly plain: string
  readonly https: string
}

const originsOf = new WeakMap<ServiceInstance, Origins>()

/** The origin of `instance`, as https when that was asked for or the instance says so. */
export function instanceOrigin(instance: ServiceInstance, secure: boolean): string {
  let origins = originsOf.get(instance)
  if (origins === undefined) {
    const { host, port } = instance
    const authority = authorityOf(host, port)
    const https = `https://${authority}`
    origins = { plain: instance.secure ? https : `http://${authority}`, https }
    originsOf.set(instance, origins)
  }
  return secure ? origins.https : origins.plain
}
