import { setTimeout as delay } from 'node:timers/promises'
import type { LoadBalancer } from '@lb/core'

/** Calls to a service, one after the other, until it is stopped. */
export class Traffic {
  readonly failures: unknown[] = []
  #counts = new Map<string, number>()
  #stopped = false
  readonly #running: Promise<void>

  constructor(lb: LoadBalancer, service: string) {
    this.#running = this.#run(lb, service)
  }

  /** Resolves when each of the backends has answered again, and nobody else in the last calls. */
  async reaches(...ids: readonly string[]): Promise<void> {
    const wanted = [...ids].sort().join()
    for (;;) {
      this.#counts = new Map()
      for (let waited = 0; waited < 20 && this.#total < 8 * ids.length; waited++) await delay(20)
      if ([...this.#counts.keys()].sort().join() === wanted) return
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  get #total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  async #run(lb: LoadBalancer, service: string): Promise<void> {
    while (!this.#stopped) {
      try {
        const id = await lb.execute(service, async ({ host, port }, { signal }) => {
          const response = await fetch(`http://${host}:${port}/`, { signal })
          return ((await response.json()) as { id: string }).id
        })
        this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
      } catch (cause) {
        this.failures.push(cause)
      }
      await delay(5)
    }
  }
}
