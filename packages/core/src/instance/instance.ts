import { InvalidInstanceError } from '../base/errors.ts'
import { shown } from '../base/option-checks.ts'
import { authorityOf, hostProblem } from './host.ts'

/** One reachable copy of a service. Immutable and frozen. */
export interface ServiceInstance {
  /** Unique within its service. State (position, in flight, health) is kept under it. @default `${host}:${port}` */
  readonly id: string
  /** DNS name, IPv4 address, or IPv6 address without brackets. */
  readonly host: string
  /** From 1 to 65535. */
  readonly port: number
  /**
   * Share of the traffic relative to the others; finite, ≥ 0. An instance of weight 0 gets no new traffic (drained).
   * @default 1
   */
  readonly weight: number
  /** Integer ≥ 0. The lowest usable priority is used first (RFC 2782). @default 0 */
  readonly priority: number
  /** Where the instance runs, such as `eu-west-1a`. @default undefined */
  readonly zone?: string | undefined
  /** Whether the instance is reached by TLS (`https:`). @default false */
  readonly secure: boolean
  /** Labels from the registry. The object has a null prototype, so no key is special. @default {} */
  readonly metadata: Readonly<Record<string, string>>
  /** The health that the registry itself reports. @default undefined: the registry reports none */
  readonly healthy?: boolean | undefined
}

/**
 * An instance as discoveries and applications write it: `"10.0.1.12:8080"`, `"[::1]:80"`, `"https://h:443"`, or an
 * object that requires only `host` and `port`.
 */
export type ServiceInstanceInit =
  | string
  | ({ readonly [Field in keyof ServiceInstance]?: ServiceInstance[Field] | undefined } & {
      host: string
      port: number
    })

/**
 * Checks `init`, fills in the defaults and freezes the result. Unknown fields are ignored, because registries send
 * many. A parsed instance is returned unchanged.
 *
 * @throws InvalidInstanceError naming the field, the value and the remedy
 */
export function parseInstance(init: ServiceInstanceInit): ServiceInstance {
  if (isParsed(init)) return init
  if (typeof init === 'string') return build(parseAddress(init))
  if (typeof init !== 'object' || init === null) {
    return reject('instance', 'a string such as "10.0.1.12:8080", or an object with host and port', init)
  }
  return build(init)
}

/** `instance` as a balancer is to see it: with another weight, under the same id. */
export function withWeight(instance: ServiceInstance, weight: number): ServiceInstance {
  const copy: ServiceInstance = { ...instance, weight }
  Object.defineProperty(copy, parsed, { value: true })
  return Object.freeze(copy)
}

/**
 * Whether `parseInstance(init)` would give an instance with the fields of `known`. Cheaper than to parse; false also where that alone
 * would tell, and where `init` throws when it is looked at.
 */
export function describes(init: unknown, known: ServiceInstance): boolean {
  if (init === known) return true
  try {
    if (typeof init === 'string') return init === known.id && isPlain(known)
    return typeof init === 'object' && init !== null && hasFields(init, known)
  } catch {
    return false
  }
}

/** Whether both have the same fields. */
export function isSameInstance(left: ServiceInstance, right: ServiceInstance): boolean {
  return (
    left === right ||
    (left.id === right.id &&
      isSameAddress(left, right) &&
      left.weight === right.weight &&
      left.priority === right.priority &&
      left.zone === right.zone &&
      left.healthy === right.healthy &&
      isSameMetadata(left.metadata, right.metadata))
  )
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

// Lists of thousands pass through here on every refresh. The mark does not survive a copy, and JSON cannot forge it.
// Its value says whether the id was given.
const parsed = Symbol.for('@lb/core.parsed-instance')

interface Marked {
  readonly [parsed]?: unknown
}

/** The origin of `instance` in URLs: `https://[::1]:443`. The port is always there. */
export function originOf({ host, port, secure }: Pick<ServiceInstance, 'host' | 'port' | 'secure'>): string {
  return `${secure ? 'https' : 'http'}://${authorityOf(host, port)}`
}

/** Whether requests to either reach the same server. With the same id but another address it is another instance. */
export function isSameAddress(one: ServiceInstance, other: ServiceInstance): boolean {
  return one === other || (one.host === other.host && one.port === other.port && one.secure === other.secure)
}

function isParsed(init: unknown): init is ServiceInstance {
  return typeof init === 'object' && init !== null && parsed in init
}

/** Whether the id was made of the address, as it is where none is given. */
function isIdAddress(instance: ServiceInstance): boolean {
  return (instance as Marked)[parsed] === 'id is address'
}

/** Whether it is what a string `host:port` describes that is its id. */
function isPlain(instance: ServiceInstance): boolean {
  const { host, weight, priority, secure, zone, healthy, metadata } = instance
  const hasDefaults = weight === 1 && priority === 0 && !secure && zone === undefined && healthy === undefined
  return hasDefaults && isIdAddress(instance) && metadata === noMetadata && !host.includes(':')
}

function hasFields(init: { readonly [Field in keyof ServiceInstance]?: unknown }, known: ServiceInstance): boolean {
  const { id, host, port, weight = 1, priority = 0, secure = false, zone, healthy, metadata = noMetadata } = init
  return (
    host === known.host &&
    port === known.port &&
    (id === undefined ? isIdAddress(known) : id === known.id) &&
    weight === known.weight &&
    priority === known.priority &&
    secure === known.secure &&
    zone === known.zone &&
    healthy === known.healthy &&
    isSameMetadata(metadata, known.metadata)
  )
}

/** False also for what is no metadata. */
function isSameMetadata(metadata: unknown, known: ServiceInstance['metadata']): boolean {
  if (metadata === known) return true
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return false
  const keys = Object.keys(metadata)
  return keys.length === Object.keys(known).length && keys.every((key) => Reflect.get(metadata, key) === known[key])
}

const noMetadata: Readonly<Record<string, string>> = Object.freeze(Object.create(null))

function build(init: Exclude<ServiceInstanceInit, string>): ServiceInstance {
  const host = parseHost(init.host)
  const { port, weight = 1, priority = 0, secure = false, zone, healthy } = init
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    return reject('port', 'an integer in [1, 65535]', port)
  }
  const id = init.id ?? `${host}:${port}`
  if (typeof id !== 'string' || id === '') reject('id', 'a string that is not empty', id)
  if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0) {
    reject('weight', 'a finite number ≥ 0', weight, 'Use 0 to drain an instance')
  }
  if (!Number.isSafeInteger(priority) || priority < 0) reject('priority', 'an integer ≥ 0', priority)
  if (typeof secure !== 'boolean') reject('secure', 'a boolean', secure)
  if (zone !== undefined && (typeof zone !== 'string' || zone === '')) {
    reject('zone', 'a string that is not empty, or absent', zone)
  }
  if (healthy !== undefined && typeof healthy !== 'boolean') reject('healthy', 'a boolean, or absent', healthy)
  const metadata = parseMetadata(init.metadata)
  const instance: Mutable<ServiceInstance> = {
    id,
    host,
    port,
    // Not −0, which JSON does not have.
    weight: weight + 0,
    priority: priority + 0,
    secure,
    metadata,
  }
  if (zone !== undefined) instance.zone = zone
  if (healthy !== undefined) instance.healthy = healthy
  Object.defineProperty(instance, parsed, { value: (init.id ?? undefined) === undefined ? 'id is address' : true })
  return Object.freeze(instance)
}

function parseHost(value: unknown): string {
  if (typeof value !== 'string') return reject('host', 'a string', value)
  const bracketed = value.startsWith('[') && value.endsWith(']')
  const host = bracketed ? value.slice(1, -1) : value
  const problem = bracketed && !host.includes(':') ? 'is not an IPv6 address, but in brackets' : hostProblem(host)
  if (problem !== undefined) {
    return reject('host', 'a DNS name, an IPv4 address or an IPv6 address', value, `It ${problem}`)
  }
  return host
}

function parseMetadata(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return noMetadata
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return reject('metadata', 'an object whose values are strings', value)
  }
  const keys = Object.keys(value)
  if (keys.length === 0) return noMetadata
  const metadata: Record<string, string> = Object.create(null)
  for (const key of keys) {
    const entry: unknown = Reflect.get(value, key)
    if (typeof entry !== 'string') return reject(`metadata.${key}`, 'a string', entry)
    metadata[key] = entry
  }
  return Object.freeze(metadata)
}

const address = /^(?:(https?):\/\/)?(?:\[([^[\]]*)\]|([^:/?#@[\]\s]*))(?::(\d+))?\/?$/i

function parseAddress(text: string): { host: string; port: number; secure: boolean } {
  const match = address.exec(text)
  if (match === null) {
    const remedy = (text.match(/:/g)?.length ?? 0) > 1 ? 'Put an IPv6 address in brackets: "[::1]:80"' : undefined
    return reject('instance', '"host:port", "[ipv6]:port" or "https://host:port"', text, remedy)
  }
  const [, scheme, bracketed, plain = '', port] = match
  const secure = scheme?.toLowerCase() === 'https'
  if (port === undefined && scheme === undefined) {
    return reject('port', 'given', text, 'Write "host:port"; only an http:// or https:// URL has a default port')
  }
  const host = bracketed === undefined ? plain : `[${bracketed}]`
  if (bracketed !== undefined && !bracketed.includes(':')) reject('host', 'an IPv6 address when in brackets', text)
  return { host, port: port === undefined ? (secure ? 443 : 80) : Number(port), secure }
}

function reject(field: string, legal: string, value: unknown, remedy?: string): never {
  const advice = remedy === undefined ? '' : `. ${remedy}`
  const subject = field === 'instance' ? 'an instance' : `${field} of an instance`
  throw new InvalidInstanceError(field, `${subject} must be ${legal}, got ${shown(value)} (${typeof value})${advice}`)
}
