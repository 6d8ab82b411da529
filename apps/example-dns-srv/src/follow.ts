import { parseInstance } from '@lb/core'
import { DnsSrvDiscovery } from '@lb/dns-srv'

export interface FollowOptions {
  readonly service: string
  readonly name: string | undefined
  readonly server: string | undefined
}

/** Prints the instances of a service whenever they change, until the process is interrupted. */
export function follow({ service, name, server }: FollowOptions): void {
  const discovery = new DnsSrvDiscovery({
    ...(name === undefined ? {} : { name }),
    ...(server === undefined ? {} : { servers: [server] }),
  })
  let shown = ''
  discovery.watch(service, {
    next: (instances) => {
      const lines = instances
        .map(parseInstance)
        .map(({ id, weight, priority }) => `  ${id} weight ${weight} priority ${priority}`)
      const text = lines.length === 0 ? '  no instances' : lines.sort().join('\n')
      if (text !== shown) console.log(`${new Date().toISOString()} ${service}\n${text}`)
      shown = text
    },
    error: (cause) => console.error(new Date().toISOString(), cause instanceof Error ? cause.message : cause),
  })
  // Watches are in the background and keep no process alive.
  const alive = setInterval(() => {}, 60_000)
  process.once('SIGINT', () => {
    clearInterval(alive)
    discovery.close()
  })
}
