import { parseInstance } from '@lb/core'
import { DnsDiscovery, DnsSdDiscovery, DnsSrvDiscovery } from '@lb/dns-srv'

export interface FollowOptions {
  readonly service: string
  /** Which records are followed: `srv`, `addresses` or `dns-sd`. */
  readonly by: string
  readonly name: string | undefined
  readonly server: string | undefined
  /** The port of instances by addresses. */
  readonly port: number
}

/** Prints the instances of a service whenever they change, until the process is interrupted. */
export function follow({ service, ...options }: FollowOptions): void {
  const discovery = discoveryBy(options)
  let shown = ''
  discovery.watch(service, {
    next: (instances) => {
      const lines = instances
        .map(parseInstance)
        .map(({ id, weight, priority, metadata }) =>
          [`  ${id} weight ${weight} priority ${priority}`, metadata.instance].filter(Boolean).join(' '),
        )
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
    void discovery.close()
  })
}

function discoveryBy({ by, name, server, port }: Omit<FollowOptions, 'service'>): DnsSrvDiscovery | DnsDiscovery {
  const options = { name, ...(server === undefined ? {} : { servers: [server] }) }
  if (by === 'srv') return new DnsSrvDiscovery(options)
  if (by === 'addresses') return new DnsDiscovery({ ...options, port })
  if (by === 'dns-sd') return new DnsSdDiscovery(options)
  throw new TypeError(`--by must be srv, addresses or dns-sd, got ${by}`)
}
