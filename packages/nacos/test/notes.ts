import type { DiscoveryObserver, ServiceInstanceInit } from '@lb/core'
import { parseInstance, type ServiceInstance } from '@lb/core'

/** What a watcher was told. */
export class Notes implements DiscoveryObserver {
  readonly lists: ServiceInstance[][] = []
  readonly errors: Error[] = []

  next(instances: readonly ServiceInstanceInit[]): void {
    this.lists.push(instances.map(parseInstance))
  }

  error(cause: unknown): void {
    this.errors.push(cause as Error)
  }

  /** Ports of the last list, which are enough to tell instances of a test apart. */
  get ports(): number[] | undefined {
    return this.lists
      .at(-1)
      ?.map(({ port }) => port)
      .sort((left, right) => left - right)
  }
}
