import { FakeWatchDiscovery } from '@lb/testing'
import type { AttemptContext, Clock, LoadProbeResult, ServiceInstance, ServiceInstanceInit } from '../../src/index.ts'
import type { Chance } from './chance.ts'
import { boom } from './watched-balancer.ts'

const behaviours = ['good', 'good', 'good', 'slow', 'silent', 'refuses', 'resets', '503', '500'] as const
type Behaviour = (typeof behaviours)[number]

interface Member {
  readonly id: string
  host: string
  weight: number
  priority: number
  zone: string
  healthy: boolean | undefined
}

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

/** The instances, the registry that lists them, and how each answers. */
export class SimulatedService {
  readonly discovery: FakeWatchDiscovery
  /** Hosts by id, as the registry last said that were any. */
  hosts: ReadonlyMap<string, string> = new Map()
  readonly #chance: Chance
  readonly #clock: Clock
  readonly #behaviours = new Map<string, Behaviour>()
  #members: Member[]
  #moves = 0

  constructor(chance: Chance, clock: Clock) {
    this.#chance = chance
    this.#clock = clock
    this.#members = chance.some(ids, 0.5).map((id) => this.#newMember(id))
    this.discovery = new FakeWatchDiscovery(this.#list())
  }

  changeList(): void {
    const chance = this.#chance
    for (const id of ids) {
      const at = this.#members.findIndex((member) => member.id === id)
      if (!chance.is(0.2)) continue
      const member = this.#members[at]
      if (member === undefined) this.#members.push(this.#newMember(id))
      else if (chance.is(0.4)) this.#members.splice(at, 1)
      else this.#change(member)
    }
    this.discovery.push(this.#list())
  }

  fail(): void {
    this.discovery.fail(new Error('the registry is down'))
  }

  repeatList(): void {
    this.discovery.push(this.#list())
  }

  empty(): void {
    this.hosts = new Map()
    this.discovery.push([])
  }

  changeBehaviour(): void {
    for (const id of this.#chance.some(ids, 0.3)) this.#behaviours.set(id, this.#chance.of(...behaviours))
  }

  /** What a health check finds. */
  isWell({ id }: ServiceInstance): boolean {
    const behaviour = this.#behaviours.get(id)
    return behaviour === undefined || behaviour === 'good' || behaviour === 'slow'
  }

  /** What a load probe finds: it fails, has nothing to say, or never ends. */
  async loadOf({ id }: ServiceInstance): Promise<LoadProbeResult | undefined> {
    const chance = this.#chance
    const behaviour = this.#behaviours.get(id) ?? 'good'
    if (behaviour === 'silent') return await new Promise(() => {})
    if (behaviour !== 'good' && behaviour !== 'slow') throw failure('ECONNREFUSED')
    if (chance.is(0.5)) await this.#after(chance.of(1, 10, 3_000))
    if (chance.is(0.1)) return undefined
    return { inFlight: chance.integer(0, 5), latencyMs: behaviour === 'slow' ? 1_000 : 10 }
  }

  answer({ id }: ServiceInstance, context: AttemptContext): Promise<Response> | Response {
    const chance = this.#chance
    const behaviour = this.#behaviours.get(id) ?? 'good'
    if (chance.is(0.3)) {
      context.onInterrupt(() => {
        if (chance.is(0.5)) throw boom
      })
    }
    if (chance.is(0.1))
      context.until(this.#after(chance.of(0, 100, 3_000), chance.is(0.8) ? undefined : failure('ECONNRESET')))
    switch (behaviour) {
      case 'good':
        if (chance.is(0.2)) return this.#response(200)
        return this.#after(chance.integer(0, 20)).then(() => this.#response(200))
      case 'slow':
        return this.#after(chance.of(200, 2_000)).then(() => this.#response(200))
      case 'silent':
        return new Promise(() => {})
      case 'refuses':
        throw failure('ECONNREFUSED')
      case 'resets':
        return this.#after(chance.integer(0, 20), failure('ECONNRESET')).then(() => this.#response(200))
      default:
        return this.#after(chance.integer(0, 20)).then(() => this.#response(Number(behaviour)))
    }
  }

  #response(status: number): Response {
    const chance = this.#chance
    const headers = new Headers()
    if (chance.is(0.3))
      headers.set(
        'endpoint-load-metrics',
        `TEXT cpu_utilization=${chance.random()},rps_fractional=${chance.integer(1, 100)}`,
      )
    if (status === 503 && chance.is(0.3)) headers.set('retry-after', String(chance.integer(0, 2)))
    return new Response(null, { status, headers })
  }

  #after(ms: number, error?: Error): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#clock.setTimeout(() => (error === undefined ? resolve() : reject(error)), ms)
    })
  }

  #newMember(id: string): Member {
    const member = { id, host: `${id}-0`, weight: 1, priority: 0, zone: 'x', healthy: undefined }
    this.#change(member)
    return member
  }

  #change(member: Member): void {
    const chance = this.#chance
    if (chance.is(0.3)) member.host = `${member.id}-${++this.#moves}`
    member.weight = chance.of(0, 1, 1, 1, 1, 2, 5)
    member.priority = chance.of(0, 0, 0, 1)
    member.zone = chance.of('x', 'x', 'y', 'z')
    member.healthy = chance.of(undefined, undefined, undefined, true, false)
  }

  #list(): readonly ServiceInstanceInit[] {
    this.hosts = new Map(this.#members.map(({ id, host }) => [id, host]))
    return this.#members.map(({ healthy, ...member }) => ({
      ...member,
      port: 80,
      ...(healthy === undefined ? undefined : { healthy }),
    }))
  }
}

export function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}
