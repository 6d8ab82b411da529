/** Which adapter, and where its registry is. Also sent to other processes. */
export interface RegistryAccess {
  readonly kind: 'consul' | 'etcd' | 'kubernetes' | 'nacos'
  readonly url: string
  readonly token?: string
  /** Of the certificate authority, PEM, where the URL is `https:`. */
  readonly caFile?: string
}

/** A registry that runs for a bench, and how instances are written to it. */
export interface Registry {
  /** With the version of the server. */
  readonly name: string
  readonly access: RegistryAccess
  /** So many instances for each of the services, none of which anybody listens on. */
  fill(services: readonly string[], instances: number): Promise<void>
  /** Adds `127.0.0.1:port`. Resolves when the registry acknowledged it. */
  add(service: string, port: number): Promise<void>
  remove(service: string, port: number): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** Resolves when it answers. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** How a kind of registry is started, and the programs without which it cannot be. */
export interface RegistryKind {
  readonly name: string
  readonly programs: readonly string[]
  start(): Promise<Registry>
}

/** The address of instance `index` of service number `service`, where nobody listens. */
export function addressOf(service: number, index: number): string {
  return `10.${service >> 8}.${service & 255}.${index + 1}`
}

/** Runs `task` for each item, so many at a time. */
export async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  task: (item: T, index: number) => Promise<unknown>,
): Promise<void> {
  const entries = items.entries()
  const work = async (): Promise<void> => {
    for (const [index, item] of entries) await task(item, index)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
