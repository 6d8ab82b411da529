import type { Clock } from '@lb/core'
import { formatNameServer, type NameServer } from './name-server.ts'

/** For so long a server that failed is asked after the others. */
const avoidedForMs = 30_000
/** More than any configuration has. Bounds what is remembered when the servers of the system change again and again. */
const maxRemembered = 64

/** The order in which servers are asked: as configured, but those that failed lately last. */
export class ServerOrder {
  readonly #clock: Clock
  readonly #failedAtMs = new Map<string, number>()
  #rotations = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `rotate`: each time another one of them is the first, so that they share the load. */
  sort(servers: readonly NameServer[], rotate = false): NameServer[] {
    const start = rotate && servers.length > 0 ? this.#rotations++ % servers.length : 0
    const rotated = [...servers.slice(start), ...servers.slice(0, start)]
    return [
      ...rotated.filter((server) => !this.#hasFailed(server)),
      ...rotated.filter((server) => this.#hasFailed(server)),
    ]
  }

  failed(server: NameServer): void {
    if (this.#failedAtMs.size >= maxRemembered) this.#failedAtMs.clear()
    this.#failedAtMs.set(formatNameServer(server), this.#clock.now())
  }

  answered(server: NameServer): void {
    this.#failedAtMs.delete(formatNameServer(server))
  }

  #hasFailed(server: NameServer): boolean {
    const atMs = this.#failedAtMs.get(formatNameServer(server))
    return atMs !== undefined && this.#clock.now() - atMs < avoidedForMs
  }
}
