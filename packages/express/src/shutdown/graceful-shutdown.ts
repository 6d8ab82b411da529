import { constants } from 'node:os'
import { type CancelTimer, DeadlineExceededError } from '@lb/core'
import { counted, timeLimited } from '@lb/core/authoring'
import { checkServer } from '../check-server.ts'
import {
  type GracefulShutdownOptions,
  oneOrMore,
  type Registered,
  type ShutdownSettings,
  shutdownSettings,
} from './options.ts'
import { type HttpServer, ServerConnections } from './server-connections.ts'

/** Milliseconds for a step that calls code from elsewhere: a registry, a load balancer, the application. */
const stepLimitMs = 3_000
/** Milliseconds after which a process ends that a signal shut down, but that something still keeps alive. */
const exitLimitMs = 1_000
// The ESM and the CommonJS build may both be loaded in one process; a registered symbol is the same in both.
const runningKey = Symbol.for('@lb/express.running-shutdowns')

/** Shuts down on the first call; each call returns the same promise. Never rejects. */
export type GracefulShutdown = () => Promise<void>

/**
 * Shuts a server down without losing requests, when the process gets SIGTERM or SIGINT, or when the returned function is called:
 *
 * 1. `health` responds with 503, and every response says `Connection: close`.
 * 2. `registrations` are removed from the registry.
 * 3. The server keeps serving for `noticeMs`: until clients and load balancers have noticed.
 * 4. It accepts no more connections and ends tunnels of its proxies, WebSockets with status 1001.
 * 5. Requests in flight finish, within `drainMs`.
 * 6. `lb` is closed, then `onClosed` is called.
 *
 * Each step has a limit, and a step that fails does not stop the others. After a signal, the process ends within a second of the last
 * step of all its shutdowns; a second signal ends it at once, with the status that the signal has in a shell. Call it before the server accepts connections.
 *
 *     const server = app.listen(8080)
 *     gracefulShutdown(server, { health, lb })
 *
 * @param server of `node:http`, `node:https` or `node:http2`, or several
 * @throws InvalidOptionError
 */
export function gracefulShutdown(
  server: HttpServer | readonly HttpServer[],
  options: GracefulShutdownOptions = {},
): GracefulShutdown {
  const servers = oneOrMore<HttpServer>(server)
  for (const each of servers) {
    checkServer('gracefulShutdown.server', each)
  }
  const shutdown = new Shutdown(servers, shutdownSettings(options))
  shutdown.listen()
  return () => shutdown.run()
}

class Shutdown {
  readonly #servers: readonly ServerConnections[]
  readonly #settings: ShutdownSettings
  #running: Promise<void> | undefined
  #isSignalled = false

  constructor(servers: readonly HttpServer[], settings: ShutdownSettings) {
    this.#servers = servers.map((each) => new ServerConnections(each))
    this.#settings = settings
  }

  listen(): void {
    for (const signal of this.#settings.signals) process.on(signal, this.#onSignal)
  }

  run(): Promise<void> {
    if (this.#running !== undefined) return this.#running
    const all = runningShutdowns()
    const running = this.#run().then(() => void all.delete(running))
    all.add(running)
    this.#running = running
    return running
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#isSignalled) process.exit(128 + constants.signals[signal])
    else void this.#runAndExit()
  }

  async #runAndExit(): Promise<void> {
    this.#isSignalled = true
    await this.run()
    // Another server of the process may have a shutdown of its own, and requests in flight.
    while (runningShutdowns().size > 0) await Promise.all(runningShutdowns())
    this.#settings.clock.setTimeout(() => process.exit(), exitLimitMs, { background: true })
  }

  async #run(): Promise<void> {
    const { health, registrations, noticeMs, onStopping, drainMs, lbs, onClosed, clock } = this.#settings
    await this.#step('health.drain', () => health?.drain())
    for (const each of this.#servers) each.drain()
    await Promise.all(registrations.map((each) => this.#step('deregister', () => deregister(each))))
    await new Promise<void>((resolve) => clock.setTimeout(resolve, noticeMs))
    const drainEndsAtMs = clock.now() + drainMs
    const ended = this.#stop()
    await this.#step('onStopping', onStopping)
    await ended
    const leftMs = Math.max(0, drainEndsAtMs - clock.now())
    await Promise.all(lbs.map((lb) => this.#step('lb.close', () => lb.close({ drainMs: leftMs }), leftMs)))
    await this.#step('onClosed', onClosed)
    for (const signal of this.#settings.signals) process.off(signal, this.#onSignal)
  }

  /** Resolves when every connection has ended, at the latest after `drainMs`. */
  async #stop(): Promise<void> {
    const { drainMs, clock } = this.#settings
    let cancel: CancelTimer = () => {}
    const limit = new Promise<void>((resolve) => {
      cancel = clock.setTimeout(resolve, drainMs)
    })
    await Promise.race([limit, Promise.all(this.#servers.map((each) => each.stop()))])
    cancel()
    const left = this.#servers.reduce((sum, { inFlight }) => sum + inFlight, 0)
    if (left > 0) this.#failed(late(`${counted(left, 'request')} still in flight after ${drainMs} ms`))
    for (const each of this.#servers) each.destroy()
  }

  async #step(name: string, step: () => unknown, extraMs = 0): Promise<void> {
    const limitMs = stepLimitMs + extraMs
    const { clock } = this.#settings
    try {
      await timeLimited({ clock, limitMs, late: () => late(`${name} was not done within ${limitMs} ms`) }, step)
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    try {
      this.#settings.onError(error)
    } catch {
      // The shutdown goes on.
    }
  }
}

/** Those of this process that have not ended. */
function runningShutdowns(): Set<Promise<void>> {
  const holder: { [runningKey]?: Set<Promise<void>> } & object = Object(process)
  holder[runningKey] ??= new Set()
  return holder[runningKey]
}

function deregister(registered: Registered): Promise<unknown> {
  return 'deregister' in registered ? registered.deregister() : registered.close()
}

function late(what: string): DeadlineExceededError {
  return new DeadlineExceededError(`gracefulShutdown: ${what}`)
}
