import { setTimeout as delay } from 'node:timers/promises'
import type { CountingProxyQuestions } from './counting-proxy.ts'
import type { FollowerQuestions, Memory } from './follower.ts'
import type { Plan } from './plan.ts'
import { Program } from './program.ts'
import type { Registry } from './registry.ts'

interface IdleCost {
  readonly requestsPerMinute: number
  /** Of one core, in percent. */
  readonly cpuPercent: number
  /** The most there were, ever. */
  readonly mostConnections: number
}

export interface ScaleCost extends Memory {
  /** Until all first lists were known. */
  readonly readyMs: number
  readonly instances: number
  /** One service followed by another process. */
  readonly one: IdleCost
  readonly all: IdleCost
  /** While one of the services changes every second, in percent of one core. */
  readonly busyCpuPercent: number
}

/** Until what happens at the start is over. */
const settleMs = 3_000

/** Two processes that follow a registry which has been filled: one all services, the other one of them. */
export class ScaledClients {
  readonly #registry: Registry
  readonly #services: readonly string[]
  readonly #all: Followed
  readonly #one: Followed

  static async start(registry: Registry, { services: count, instances }: Plan): Promise<ScaledClients> {
    const services = Array.from({ length: count }, (_, index) => `filled-${index}`)
    await registry.fill(services, instances)
    const all = await Followed.start(registry, services)
    const one = await Followed.start(registry, services.slice(0, 1))
    return new ScaledClients(registry, services, all, one)
  }

  private constructor(registry: Registry, services: readonly string[], all: Followed, one: Followed) {
    this.#registry = registry
    this.#services = services
    this.#all = all
    this.#one = one
  }

  async measure({ idleSeconds, busySeconds }: Plan): Promise<ScaleCost> {
    await delay(settleMs)
    const idle = delay(1_000 * idleSeconds)
    const [all, one] = await Promise.all([this.#all.cost(idle), this.#one.cost(idle)])
    const memory = await this.#all.memory()
    const busy = await this.#all.cost(this.#change(busySeconds))
    const { failures } = await this.#all.memory()
    const { readyMs, instances } = this.#all
    return { ...memory, failures, readyMs, instances, all, one, busyCpuPercent: busy.cpuPercent }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#all.stop(), this.#one.stop()])
  }

  /** An instance comes, another one goes, in one service after the other. */
  async #change(seconds: number): Promise<void> {
    const port = 8081
    for (let second = 0; second < seconds; second++) {
      const next = delay(1_000)
      await this.#registry.add(this.#services[second % this.#services.length] ?? '', port)
      await next
    }
  }
}

/** A process that follows services through a proxy that counts. */
class Followed {
  readonly readyMs: number
  readonly instances: number
  readonly #proxy: Program<CountingProxyQuestions>
  readonly #follower: Program<FollowerQuestions>

  static async start(registry: Registry, services: readonly string[]): Promise<Followed> {
    const proxy = new Program<CountingProxyQuestions>('counting-proxy.ts')
    const follower = new Program<FollowerQuestions>('follower.ts')
    const access = await proxy.ask('before', registry.access)
    await follower.ask('memory', null)
    const known = await follower.ask('follow', { access, services })
    return new Followed(proxy, follower, known)
  }

  private constructor(
    proxy: Program<CountingProxyQuestions>,
    follower: Program<FollowerQuestions>,
    { readyMs, instances }: { readonly readyMs: number; readonly instances: number },
  ) {
    this.#proxy = proxy
    this.#follower = follower
    this.readyMs = readyMs
    this.instances = instances
  }

  /** What it costs until then. */
  async cost(until: Promise<unknown>): Promise<IdleCost> {
    const [before, cpuBefore] = await Promise.all([this.#proxy.ask('counts', null), this.#follower.ask('cpu', null)])
    await until
    const [after, cpuAfter] = await Promise.all([this.#proxy.ask('counts', null), this.#follower.ask('cpu', null)])
    const elapsedMs = cpuAfter.elapsedMs - cpuBefore.elapsedMs
    return {
      requestsPerMinute: ((after.requests - before.requests) / elapsedMs) * 60_000,
      cpuPercent: ((cpuAfter.cpuMs - cpuBefore.cpuMs) / elapsedMs) * 100,
      mostConnections: after.mostConnections,
    }
  }

  memory(): Promise<Memory> {
    return this.#follower.ask('memory', null)
  }

  async stop(): Promise<void> {
    await this.#follower.stop()
    await this.#proxy.stop()
  }
}
