import { LoadBalancer, type ServiceSnapshot } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import { expect, vi } from 'vitest'
import type { KubernetesDiscovery } from '../src/index.ts'

/** Requests without a pause to real backends, through a load balancer, until it is stopped. */
export class Traffic implements AsyncDisposable {
  readonly failures: unknown[] = []
  readonly #lb: LoadBalancer
  readonly #service: string
  readonly #backends: readonly LoopbackBackend[]
  readonly #done: Promise<void>
  #answers = new Map<string, number>()
  #isOver = false

  static async start(
    discovery: KubernetesDiscovery,
    service: string,
    backends: readonly LoopbackBackend[],
  ): Promise<Traffic> {
    const lb = new LoadBalancer({ discovery })
    // The server lists what its cache holds, which may be nothing yet when the slices have just been written. A service without
    // instances is forgotten, so it is asked for again.
    await vi.waitFor(
      async () => {
        await lb.ready(service)
        expect(lb.inspect(service)?.instances).not.toHaveLength(0)
      },
      { timeout: 30_000, interval: 20 },
    )
    return new Traffic(lb, service, backends)
  }

  private constructor(lb: LoadBalancer, service: string, backends: readonly LoopbackBackend[]) {
    this.#lb = lb
    this.#service = service
    this.#backends = backends
    this.#done = this.#run()
  }

  get snapshot(): ServiceSnapshot {
    return this.#lb.inspect(this.#service) as ServiceSnapshot
  }

  /** Which backends answered since the last time this was asked. */
  takeAnswers(): Map<string, number> {
    const answers = this.#answers
    this.#answers = new Map()
    return answers
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#done
    await this.#lb.close()
    for (const backend of this.#backends) await backend.stop()
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      try {
        const id = await this.#lb.execute(this.#service, async ({ host, port }, { signal }) => {
          const response = await fetch(`http://${host}:${port}`, { signal })
          return ((await response.json()) as { id: string }).id
        })
        this.#answers.set(id, (this.#answers.get(id) ?? 0) + 1)
      } catch (cause) {
        this.failures.push(cause)
      }
    }
  }
}

/** Real servers, named `a`, `b` and so on. */
export function startBackends(count: number): Promise<LoopbackBackend[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => LoopbackBackend.start({ id: String.fromCharCode(97 + index) })),
  )
}
