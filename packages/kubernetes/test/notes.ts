import { type DiscoveryObserver, parseInstance, type ServiceInstance, type ServiceInstanceInit } from '@lb/core'

/** An observer that notes what it is told. */
export class Notes implements DiscoveryObserver {
  readonly lists: ServiceInstance[][] = []
  readonly errors: unknown[] = []
  onCall: () => void = () => {}

  get calls(): number {
    return this.lists.length + this.errors.length
  }

  /** Hosts of the newest list, of those that take traffic. */
  get hosts(): readonly string[] | undefined {
    return this.lists
      .at(-1)
      ?.flatMap(({ host, weight }) => (weight > 0 ? [host] : []))
      .sort()
  }

  get messages(): string[] {
    return this.errors.map((error) => (error instanceof Error ? error.message : String(error)))
  }

  next(instances: readonly ServiceInstanceInit[]): void {
    this.lists.push(instances.map(parseInstance))
    this.onCall()
  }

  error(cause: unknown): void {
    this.errors.push(cause)
    this.onCall()
  }
}
