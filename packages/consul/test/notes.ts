import type { DiscoveryObserver, ServiceInstanceInit } from '@lb/core'

/** An observer that notes what it is told. */
export class Notes implements DiscoveryObserver {
  readonly lists: (readonly ServiceInstanceInit[])[] = []
  readonly errors: unknown[] = []

  get calls(): number {
    return this.lists.length + this.errors.length
  }

  next(instances: readonly ServiceInstanceInit[]): void {
    this.lists.push(instances)
  }

  error(cause: unknown): void {
    this.errors.push(cause)
  }
}
