import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@lb/testing'
import { clients } from './clients.ts'
import { Found } from './found.ts'
import type { FromGateway, FromInstances, GatewayPorts, GatewaySample, ToGateway } from './messages.ts'

export interface GatewaySoakOptions {
  readonly seconds: number
  readonly seed: number
  /** Conversations at a time. */
  readonly concurrency: number
}

export interface GatewaySoakResult {
  readonly options: GatewaySoakOptions
  readonly found: Found
  readonly changes: number
  /** While nothing is in flight: after the first quarter, half-way and at the end. */
  readonly samples: readonly GatewaySample[]
  /** How the process of the gateway ended after SIGTERM; `undefined`: it did not within 10 s. */
  readonly exit: string | undefined
}

/** Idle connections to instances are closed after a second. */
const restMs = 2_500

/** Clients of every kind at a gateway while instances come and go. */
export async function soakGateway(options: GatewaySoakOptions): Promise<GatewaySoakResult> {
  const instances = start('instances.ts')
  const gateway = start('gateway.ts')
  try {
    return await new Soak(options, gateway, instances).run()
  } finally {
    for (const child of [gateway, instances]) if (child.connected) child.kill('SIGKILL')
  }
}

function start(program: string): ChildProcess {
  return fork(fileURLToPath(new URL(program, import.meta.url)), { execArgv: ['--expose-gc'] })
}

class Soak {
  readonly #options: GatewaySoakOptions
  readonly #gateway: ChildProcess
  readonly #instances: ChildProcess
  readonly #found = new Found()
  readonly #executed = new Map<string, number>()
  #changes = 0
  #died: string | undefined

  constructor(options: GatewaySoakOptions, gateway: ChildProcess, instances: ChildProcess) {
    this.#options = options
    this.#gateway = gateway
    this.#instances = instances
    gateway.once('exit', (code, signal) => {
      this.#died = String(code ?? signal)
    })
  }

  async run(): Promise<GatewaySoakResult> {
    const random = seededRandom(this.#options.seed)
    this.#gateway.on('message', (message: FromGateway) => {
      if ('warning' in message) this.#found.fault(`the gateway warns: ${message.warning}`)
      else if ('applied' in message && this.#instances.connected) this.#instances.send(message)
    })
    const ports = await this.#started()
    const samples: GatewaySample[] = []
    for (const share of [0.25, 0.25, 0.5]) {
      await this.#load(ports, random, share * this.#options.seconds * 1_000)
      if (this.#died !== undefined) break
      await delay(restMs)
      samples.push(await this.#sample())
    }
    this.#judgePosts()
    return { options: this.#options, found: this.#found, changes: this.#changes, samples, exit: await this.#end() }
  }

  async #started(): Promise<GatewayPorts> {
    const listening = this.#portsOf()
    this.#instances.on('message', (message: FromInstances) => {
      if ('lists' in message) {
        this.#changes++
        const list: ToGateway = message
        if (this.#gateway.connected) this.#gateway.send(list)
      } else for (const [path, count] of Object.entries(message.executed)) this.#count(path, count)
    })
    await once(this.#instances, 'message')
    return listening
  }

  #portsOf(): Promise<GatewayPorts> {
    return new Promise((resolve) => {
      this.#gateway.on('message', (message: FromGateway) => {
        if ('ports' in message) resolve(message.ports)
      })
    })
  }

  #count(path: string, count: number): void {
    this.#executed.set(path, (this.#executed.get(path) ?? 0) + count)
  }

  async #load(ports: GatewayPorts, random: () => number, forMs: number): Promise<void> {
    const endMs = performance.now() + forMs
    const kinds = Object.entries(clients)
    const talk = async (): Promise<void> => {
      while (performance.now() < endMs && this.#died === undefined) {
        const [kind, client] = kinds[Math.floor(random() * kinds.length)] as (typeof kinds)[number]
        this.#found.began(kind)
        await client({ ports, random, found: this.#found })
      }
    }
    await Promise.all(Array.from({ length: this.#options.concurrency }, talk))
  }

  #sample(): Promise<GatewaySample> {
    return new Promise((resolve) => {
      const onMessage = (message: FromGateway): void => {
        if (!('sample' in message)) return
        this.#gateway.off('message', onMessage)
        resolve(message.sample)
      }
      this.#gateway.on('message', onMessage)
      this.#gateway.send('sample' satisfies ToGateway)
    })
  }

  /** Each POST that a client knows to be done was carried out, and none twice. */
  #judgePosts(): void {
    for (const path of this.#found.confirmed) {
      if (!this.#executed.has(path)) this.#found.fault(`POST ${path}: the client got a 200, no instance carried it out`)
    }
    for (const [path, count] of this.#executed) {
      if (count > 1) this.#found.fault(`POST ${path}: carried out ${count} times`)
    }
  }

  async #end(): Promise<string | undefined> {
    if (this.#died !== undefined) return `it died: ${this.#died}`
    const exited = once(this.#gateway, 'exit').then(([code, signal]) => String(code ?? signal))
    this.#gateway.kill('SIGTERM')
    const ended = await Promise.race([exited, delay(10_000, undefined, { ref: false })])
    this.#instances.disconnect()
    return ended
  }
}
