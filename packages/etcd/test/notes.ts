import { type DiscoveryObserver, parseInstance, type ServiceInstanceInit } from '@lb/core'

/** An observer that notes what it is told. */
export class Notes implements DiscoveryObserver {
  readonly lists: string[][] = []
  readonly errors: Error[] = []
  /** `list` and `error`, in the order in which they came. */
  readonly calls: ('list' | 'error')[] = []

  next(instances: readonly ServiceInstanceInit[]): void {
    this.lists.push(describedAll(instances))
    this.calls.push('list')
  }

  error(cause: unknown): void {
    this.errors.push(cause as Error)
    this.calls.push('error')
  }

  get latest(): string[] | undefined {
    return this.lists.at(-1)
  }
}

/** `host:port`, with the weight when that is not 1. */
export function describedAll(instances: readonly ServiceInstanceInit[]): string[] {
  return instances.map(described).sort()
}

function described(init: ServiceInstanceInit): string {
  try {
    const { host, port, weight } = parseInstance(init)
    return weight === 1 ? `${host}:${port}` : `${host}:${port} weight ${weight}`
  } catch (cause) {
    return `unreadable: ${(cause as Error).message}`
  }
}
