import {
  type DiscoveryObserver,
  type InvalidInstanceError,
  parseInstance,
  type ServiceInstance,
  type ServiceInstanceInit,
} from '@lb/core'

/** An observer for tests: notes the lists and failures that the watch of a discovery emits. */
export class Notes implements DiscoveryObserver {
  /** Every list, in order. */
  readonly lists: ServiceInstance[][] = []
  /** The rejected entries of each list. */
  readonly rejected: (readonly InvalidInstanceError[])[] = []
  /** Every failure, in order. */
  readonly errors: Error[] = []
  /** The kind of each call, in order. */
  readonly order: ('list' | 'error')[] = []
  /** Called after each list and each failure. @default a function that does nothing */
  onCall: () => void = () => {}

  /** The number of calls so far. */
  get calls(): number {
    return this.order.length
  }

  /** Every list in the form of `described`. */
  get described(): string[][] {
    return this.lists.map(described)
  }

  /** The newest list in the form of `described`; `undefined` before the first. */
  get latest(): string[] | undefined {
    return this.described.at(-1)
  }

  /** The hosts of the newest list that take traffic, sorted. */
  get hosts(): string[] | undefined {
    const taking = this.lists.at(-1)?.filter(({ weight }) => weight > 0)
    return taking?.map(({ host }) => host).sort()
  }

  /** The ports of the newest list, sorted. */
  get ports(): number[] | undefined {
    const ports = this.lists.at(-1)?.map(({ port }) => port)
    return ports?.sort((left, right) => left - right)
  }

  /** The message of each failure. */
  get messages(): string[] {
    return this.errors.map((error) => (error instanceof Error ? error.message : String(error)))
  }

  /** Records a list. */
  next(instances: readonly ServiceInstanceInit[], rejected: readonly InvalidInstanceError[] = []): void {
    this.lists.push(instances.map(parseInstance))
    this.rejected.push(rejected)
    this.order.push('list')
    this.onCall()
  }

  /** Records a failure. */
  error(cause: unknown): void {
    this.errors.push(cause as Error)
    this.order.push('error')
    this.onCall()
  }
}

/** `host:port` of each instance, sorted, with the weight if it is not 1: `10.0.0.1:80 weight 3`. */
export function described(instances: readonly ServiceInstanceInit[]): string[] {
  return instances
    .map(parseInstance)
    .map(({ host, port, weight }) => (weight === 1 ? `${host}:${port}` : `${host}:${port} weight ${weight}`))
    .sort()
}
