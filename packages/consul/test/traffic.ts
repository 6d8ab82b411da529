import { setTimeout as delay } from 'node:timers/promises'
import type { LoadBalancer } from '@lb/core'

/** Calls of a service without a pause, on real connections, until it is stopped. */
export class Traffic {
  /** Answers by the backend that gave them. */
  readonly answers: Map<string, number> = new Map()
  readonly failures: unknown[] = []
  #running = true
  readonly #ended: Promise<void>

  constructor(lb: LoadBalancer, service: string) {
    this.#ended = this.#run(lb, service)
  }

  get count(): number {
    return [...this.answers.values()].reduce((sum, count) => sum + count, 0)
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#ended
  }

  async #run(lb: LoadBalancer, service: string): Promise<void> {
    while (this.#running) {
      try {
        const id = await lb.execute(service, async ({ host, port }, { signal }) => {
          const response = await fetch(`http://${host}:${port}/`, { signal })
          return ((await response.json()) as { id: string }).id
        })
        this.answers.set(id, (this.answers.get(id) ?? 0) + 1)
      } catch (cause) {
        this.failures.push(cause)
      }
      await delay(2)
    }
  }
}
