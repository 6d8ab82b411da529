import type { ServiceDiscovery, ServiceInstanceInit } from '@lb/core'
import { poll } from '@lb/core/authoring'
import type { BackendProcess } from './backend-process.ts'

const pollIntervalMs = 250

/** A registry that lists every backend, dead or not, until it leaves by itself, and that can itself be made to fail. */
export class Registry implements ServiceDiscovery {
  readonly #backends: readonly BackendProcess[]
  #failing = false
  #emptyAnswers = 0

  constructor(backends: readonly BackendProcess[]) {
    this.#backends = backends
  }

  async getInstances(): Promise<readonly ServiceInstanceInit[]> {
    if (this.#failing) throw new Error('the registry is down')
    if (this.#emptyAnswers > 0) {
      this.#emptyAnswers--
      return []
    }
    return this.#backends
      .filter(({ isRegistered }) => isRegistered)
      .map(({ id, port }) => ({ id, host: '127.0.0.1', port }))
  }

  readonly watch: NonNullable<ServiceDiscovery['watch']> = poll(() => this.getInstances(), {
    intervalMs: pollIntervalMs,
  })

  /** Rejects from now on. */
  fail(): void {
    this.#failing = true
  }

  recover(): void {
    this.#failing = false
  }

  /** Says once that there is no instance. */
  answerEmptyOnce(): void {
    this.#emptyAnswers = 1
  }
}
