import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { LoadBalancer } from '@lb/core'
import { Agent, request } from 'undici'
import { openDiscovery } from './open-discovery.ts'
import type { Plan } from './plan.ts'
import type { Registry } from './registry.ts'

/** From the acknowledgement of a change to the first request on the new instance, one for each change. */
export type ChangeTimes = readonly number[]

/** While a change is on its way, and has been so for at most this long, a request each millisecond; else one each 50 ms. */
const closeLookMs = 100
const slowPaceMs = 50

/** Adds instances to services at moments that have nothing to do with anything, while requests go on. */
export async function measureChanges(
  registry: Registry,
  { changeSeconds, changingServices }: Plan,
): Promise<ChangeTimes> {
  const lb = new LoadBalancer({ discovery: openDiscovery(registry.access), firstListTimeoutMs: 60_000 })
  const agent = new Agent()
  const old = await Backend.start()
  const times: number[] = []
  const endMs = performance.now() + 1_000 * changeSeconds
  const run = async (index: number): Promise<void> => {
    const service = `changing-${index}`
    await registry.add(service, old.port)
    await lb.ready(service)
    const caller = new Caller(lb, service, agent)
    while (performance.now() < endMs) {
      // Longer than it takes Consul's adapter to forgive a change.
      await delay(2_000 + 2_000 * Math.random())
      times.push(await timeOfChange(registry, service, caller))
    }
    await caller.stop()
  }
  await Promise.all(Array.from({ length: changingServices }, (_, index) => run(index)))
  await lb.close()
  await agent.close()
  old.stop()
  return times
}

async function timeOfChange(registry: Registry, service: string, caller: Caller): Promise<number> {
  const backend = await Backend.start()
  caller.lookClosely()
  await registry.add(service, backend.port)
  const acknowledgedMs = performance.now()
  const requestedMs = await backend.requested
  await delay(1_000)
  await registry.remove(service, backend.port)
  backend.stop()
  // The request may be faster than the acknowledgement.
  return Math.max(0, requestedMs - acknowledgedMs)
}

class Backend {
  readonly port: number
  /** When it got its first request. */
  readonly requested: Promise<number>
  readonly #server: Server

  static async start(): Promise<Backend> {
    const server = createServer((_request, response) => response.end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Backend(server)
  }

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    this.requested = new Promise((resolve) => server.once('request', () => resolve(performance.now())))
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

/** Requests one after the other. */
class Caller {
  #closeLookEndsMs = 0
  #stopped = false
  #wake: () => void = () => {}
  readonly #running: Promise<void>

  constructor(lb: LoadBalancer, service: string, agent: Agent) {
    this.#running = this.#run(async () => {
      await lb.execute(
        service,
        async ({ port }) => {
          const { body } = await request(`http://127.0.0.1:${port}/`, { dispatcher: agent })
          await body.dump()
        },
        { idempotent: true },
      )
    })
  }

  lookClosely(): void {
    this.#closeLookEndsMs = performance.now() + closeLookMs
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(call: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      // What was removed and stopped while a request was on its way to it.
      await call().catch(() => {})
      const paceMs = performance.now() < this.#closeLookEndsMs ? 1 : slowPaceMs
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, paceMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}
