import type { Override, ServiceControl } from './override.ts'

/** What of a service can be controlled; `by` says who does. */
export interface Controlled {
  drain(instanceId: string, by: string | undefined): void
  restore(instanceId: string, by: string | undefined): void
  setWeight(instanceId: string, weight: number, by: string | undefined): void
  setShares(shares: Readonly<Record<string, number>> | undefined, by: string | undefined): void
  endEjection(instanceId: string, by: string | undefined): void
  readonly overrides: readonly Override[]
}

/** The control of one service in the name of `by`. The service is looked up for each act: it may be released, and used again. */
export class BoundControl implements ServiceControl {
  readonly #by: string | undefined
  readonly #find: () => Controlled
  readonly #peek: () => Controlled | undefined

  /** `find` throws if the service is not in use; `peek` returns `undefined` then. */
  constructor(by: string | undefined, find: () => Controlled, peek: () => Controlled | undefined) {
    this.#by = by
    this.#find = find
    this.#peek = peek
  }

  get overrides(): readonly Override[] {
    return this.#peek()?.overrides ?? []
  }

  drain(instanceId: string): void {
    this.#find().drain(instanceId, this.#by)
  }

  restore(instanceId: string): void {
    this.#find().restore(instanceId, this.#by)
  }

  setWeight(instanceId: string, weight: number): void {
    this.#find().setWeight(instanceId, weight, this.#by)
  }

  setShares(shares: Readonly<Record<string, number>> | undefined): void {
    this.#find().setShares(shares, this.#by)
  }

  endEjection(instanceId: string): void {
    this.#find().endEjection(instanceId, this.#by)
  }
}
