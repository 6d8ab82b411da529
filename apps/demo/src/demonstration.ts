import { loadBalance } from '@lb/axios'
import {
  type Balancer,
  GroupedBalancer,
  type HealthCheckOptions,
  LoadBalancer,
  RoundRobinBalancer,
  SmoothWeightedRoundRobinBalancer,
  StaticDiscovery,
} from '@lb/core'
import axios, { type AxiosInstance } from 'axios'
import { BackendProcess } from './backend-process.ts'
import { type LoadResult, runLoad } from './load.ts'
import type { PhaseName, PhasePromise, PhaseResult } from './phase.ts'

export interface DemonstrationOptions {
  readonly requests: number
  /** Called often, with the phase under way. */
  readonly onProgress: (phase: PhaseName, done: number, requests: number) => void
  /** Called with the load balancer of each phase. */
  readonly onConnect: (lb: LoadBalancer) => void
}

const ids = ['a', 'b', 'c'] as const
/** Longest that any call may take when everything is down. */
const boundedMs = 2_000
const recoveryLimitMs = 10_000
/** So quick that nobody waits for the demonstration; the defaults are for services. */
const healthCheck: HealthCheckOptions = { intervalMs: 50, initialJitterMs: 50, timeoutMs: 500 }

/** Three backends, one client, six phases. */
export class Demonstration {
  readonly #options: DemonstrationOptions
  readonly #backends = [new BackendProcess('a', 5), new BackendProcess('b', 1), new BackendProcess('c', 1)] as const

  constructor(options: DemonstrationOptions) {
    this.#options = options
  }

  async *phases(): AsyncGenerator<PhaseResult, void, void> {
    try {
      await Promise.all(this.#backends.map((backend) => backend.start()))
      yield await this.#roundRobin()
      yield await this.#smoothWeighted()
      yield await this.#grouped()
      {
        await using service = this.#connect(() => new RoundRobinBalancer())
        yield await this.#killOne(service)
        yield await this.#recover(service)
      }
      yield await this.#allDown()
    } finally {
      await Promise.all(this.#backends.map((backend) => backend.kill()))
    }
  }

  async #roundRobin(): Promise<PhaseResult> {
    await using service = this.#connect(() => new RoundRobinBalancer())
    const load = await this.#load('round-robin', service)
    const third = load.requests / 3
    return this.#result('round-robin', service, load, [
      noFailure(load),
      { text: `each instance gets a third (${third})`, kept: ids.every((id) => load.share[id] === third) },
    ])
  }

  async #smoothWeighted(): Promise<PhaseResult> {
    await using service = this.#connect(() => new SmoothWeightedRoundRobinBalancer())
    const load = await this.#load('smooth-weighted-round-robin', service)
    const turn = load.requests / 7
    return this.#result('smooth-weighted-round-robin', service, load, [
      noFailure(load),
      {
        text: `exactly 5:1:1 (${5 * turn}, ${turn}, ${turn})`,
        kept: load.share.a === 5 * turn && load.share.b === turn && load.share.c === turn,
      },
    ])
  }

  async #grouped(): Promise<PhaseResult> {
    await using service = this.#connect(() => new GroupedBalancer())
    const load = await this.#load('grouped', service)
    const turn = load.requests / 7
    return this.#result('grouped', service, load, [
      noFailure(load),
      { text: `5:2 between the groups (${5 * turn} for a alone)`, kept: load.share.a === 5 * turn },
      { text: `even within the group of b and c (${turn} each)`, kept: load.share.b === load.share.c },
    ])
  }

  async #killOne(service: ConnectedService): Promise<PhaseResult> {
    const [, victim] = this.#backends
    let killed: Promise<void> | undefined
    let before: Readonly<Record<string, number>> = {}
    const load = await this.#load('kill-one', service, (done, share) => {
      if (killed !== undefined || done < this.#options.requests / 4) return
      before = { ...share }
      killed = victim.kill()
    })
    await killed
    const after = (id: string): number => (load.share[id] ?? 0) - (before[id] ?? 0)
    return this.#result('kill-one', service, load, [
      noFailure(load),
      { text: 'the share of b moves to a and c, evenly', kept: isEven([after('a'), after('c')]) },
      // What b had answered when it was killed may still have been on the way.
      { text: 'b answers nothing more', kept: after('b') <= 16 },
    ])
  }

  async #recover(service: ConnectedService): Promise<PhaseResult> {
    const [, victim] = this.#backends
    await victim.start()
    const startedAt = performance.now()
    while (!service.isAvailable('b') && performance.now() - startedAt < recoveryLimitMs) {
      await service.client.get('http://user-service/v1/profile')
    }
    const load = await this.#load('recover', service)
    const counts = ids.map((id) => load.share[id] ?? 0)
    return this.#result('recover', service, load, [
      noFailure(load),
      { text: 'b has its third again', kept: isEven(counts) },
    ])
  }

  async #allDown(): Promise<PhaseResult> {
    // Without checks: lb is not told that they are down, so that every request really tries.
    await using service = this.#connected(new LoadBalancer({ discovery: this.#discovery() }))
    await Promise.all(this.#backends.map((backend) => backend.kill()))
    const load = await this.#load('all-down', service)
    const extra = service.attempts - load.requests
    const allowed = budgetAllows(load)
    const clear = Object.keys(load.errors).every((code) => code === 'ECONNREFUSED')
    return this.#result('all-down', service, load, [
      { text: 'every request fails with ECONNREFUSED', kept: load.failures === load.requests && clear },
      { text: `none takes longer than ${boundedMs} ms`, kept: load.maxMs <= boundedMs },
      { text: `the retry budget bounds the extra attempts (${extra} of ${allowed})`, kept: extra <= allowed },
    ])
  }

  #connect(balancer: () => Balancer): ConnectedService {
    return this.#connected(new LoadBalancer({ discovery: this.#discovery(), balancer, healthCheck }))
  }

  #connected(lb: LoadBalancer): ConnectedService {
    this.#options.onConnect(lb)
    return new ConnectedService(lb)
  }

  /** A list that nobody corrects: who is down is for lb to find out. */
  #discovery(): StaticDiscovery {
    const instances = this.#backends.map(({ id, weight, port }) => ({ id, weight, host: '127.0.0.1', port }))
    return new StaticDiscovery({ 'user-service': instances })
  }

  async #load(
    name: PhaseName,
    service: ConnectedService,
    during: (done: number, share: Readonly<Record<string, number>>) => void = () => {},
  ): Promise<LoadResult> {
    await service.lb.ready('user-service')
    service.attempts = 0
    const { requests, onProgress } = this.#options
    return runLoad({
      client: service.client,
      requests,
      ids,
      onProgress: (done, share) => {
        during(done, share)
        onProgress(name, done, requests)
      },
    })
  }

  #result(
    name: PhaseName,
    service: ConnectedService,
    load: LoadResult,
    promises: readonly PhasePromise[],
  ): PhaseResult {
    return { name, ok: promises.every(({ kept }) => kept), ...load, attempts: service.attempts, promises }
  }
}

/** A load balancer, the axios client on top of it, and a count of the attempts. */
class ConnectedService implements AsyncDisposable {
  readonly lb: LoadBalancer
  readonly client: AxiosInstance
  attempts = 0

  constructor(lb: LoadBalancer) {
    this.lb = lb
    this.client = loadBalance(axios.create({ timeout: 5_000 }), lb)
    lb.subscribe((event) => {
      if (event.type === 'request-finished') this.attempts++
    })
  }

  isAvailable(id: string): boolean {
    const { instances } = this.lb.inspect('user-service')
    return instances.some(({ instance, state }) => instance.id === id && state === 'available')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lb.close()
  }
}

function noFailure({ failures }: LoadResult): PhasePromise {
  return { text: 'not one failed request', kept: failures === 0 }
}

/** Within a tenth of the mean, or a few requests when there are few. */
function isEven(counts: readonly number[]): boolean {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.every((count) => Math.abs(count - mean) <= Math.max(4, mean / 10))
}

/** The defaults of the retry budget: a fifth of the requests, and 10 a second over a window of 10 s. */
function budgetAllows({ requests, durationMs }: LoadResult): number {
  return Math.ceil(0.2 * requests + 10 * (10 + durationMs / 1_000))
}
