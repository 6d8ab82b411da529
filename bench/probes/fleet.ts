import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type BalancerName, LoadBalancer, StaticDiscovery } from '@lb/core'
import { Agent, request } from 'undici'
import type { Usage } from './backends.ts'

/** What calls cost, and how many there are. */
export interface Load {
  readonly name: string
  /** CPU time of a call, in milliseconds. */
  readonly busyMs: number
  /** How long it then waits, as for a database, in milliseconds. */
  readonly waitMs: number
  readonly clients: number
  /** Of each client. */
  readonly callsPerSecond: number
}

/** Servers, and clients that know nothing of each other. */
export class Fleet {
  readonly #load: Load
  readonly #child: ChildProcess
  readonly #agent = new Agent({ pipelining: 1 })
  #ports: readonly number[] = []

  constructor(load: Load) {
    this.#load = load
    const backends = fileURLToPath(new URL('./backends.ts', import.meta.url))
    this.#child = fork(backends, [`${load.busyMs}`, `${load.waitMs}`])
  }

  async start(): Promise<void> {
    const [ports] = (await once(this.#child, 'message')) as [number[]]
    this.#ports = ports
  }

  /** CPU time of the servers for one probe, in milliseconds: of so many without any call. */
  async probeMs(probes: number): Promise<number> {
    const before = await this.#usage()
    for (let each = 0; each < probes; each += this.#ports.length) {
      await Promise.all(this.#ports.map((port) => this.#get(port, '/lb/load')))
    }
    const after = await this.#usage()
    return (after.cpuMs - before.cpuMs) / (after.probes - before.probes)
  }

  /** Makes calls for so long, and gives what they cost the servers. */
  async run(balancer: BalancerName, seconds: number): Promise<Usage> {
    const clients = Array.from({ length: this.#load.clients }, () => this.#client(balancer))
    const before = await this.#usage()
    const untilMs = performance.now() + 1_000 * seconds
    await Promise.all(clients.map((client) => this.#call(client, untilMs)))
    const after = await this.#usage()
    await Promise.all(clients.map((client) => client.close()))
    return {
      cpuMs: after.cpuMs - before.cpuMs,
      calls: after.calls - before.calls,
      probes: after.probes - before.probes,
    }
  }

  async close(): Promise<void> {
    await this.#agent.close()
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }

  #client(balancer: BalancerName): LoadBalancer {
    return new LoadBalancer({
      discovery: new StaticDiscovery({ users: this.#ports.map((port) => `127.0.0.1:${port}`) }),
      balancer,
      probing: { probe: async ({ port }) => JSON.parse(await this.#get(port, '/lb/load')) },
    })
  }

  async #call(client: LoadBalancer, untilMs: number): Promise<void> {
    const calls: Promise<unknown>[] = []
    for (;;) {
      const pauseMs = (-Math.log(1 - Math.random()) * 1_000) / this.#load.callsPerSecond
      if (performance.now() + pauseMs >= untilMs) break
      await delay(pauseMs)
      calls.push(client.execute('users', ({ port }) => this.#get(port, '/')))
    }
    await Promise.all(calls)
  }

  async #get(port: number, path: string): Promise<string> {
    const { body } = await request(`http://127.0.0.1:${port}${path}`, { dispatcher: this.#agent })
    return body.text()
  }

  async #usage(): Promise<Usage> {
    this.#child.send('usage')
    const [usage] = (await once(this.#child, 'message')) as [Usage]
    return usage
  }
}
