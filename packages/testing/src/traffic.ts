import { setTimeout as delay } from 'node:timers/promises'
import type { LoadBalancer } from '@lb/core'

/**
 * Calls a service over real connections, one call after the other, until it is stopped. Each call goes to a
 * `LoopbackBackend`, whose response contains its id.
 */
export class Traffic {
  /** The number of responses by id of the backend, since the last `takeAnswers`. */
  answers: Map<string, number> = new Map()
  /** The errors of failed calls. */
  readonly failures: unknown[] = []
  #running = true
  readonly #ended: Promise<void>

  constructor(lb: LoadBalancer, service: string) {
    this.#ended = this.#run(lb, service)
  }

  /** The number of responses since the last `takeAnswers`. */
  get count(): number {
    return [...this.answers.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Returns the number of responses by id of the backend, and starts counting again. */
  takeAnswers(): Map<string, number> {
    const { answers } = this
    this.answers = new Map()
    return answers
  }

  /** Resolves when each of these backends has responded again, and no other backend in the last calls. */
  async reaches(...ids: readonly string[]): Promise<void> {
    const wanted = [...ids].sort().join()
    for (;;) {
      this.takeAnswers()
      for (let waited = 0; waited < 20 && this.count < 8 * ids.length; waited++) await delay(20)
      if ([...this.answers.keys()].sort().join() === wanted) return
    }
  }

  /** Resolves when the last call has ended. */
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
