import { parseInstance } from '@lb/core'
import { NacosDiscovery } from '@lb/nacos'

export interface FollowOptions {
  readonly service: string
  readonly server?: string | undefined
  readonly namespace?: string | undefined
  readonly group?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** Prints the instances of a service whenever they change, until the process is interrupted. */
export function follow({ service, server, namespace, group, username, password }: FollowOptions): void {
  const discovery = new NacosDiscovery({
    ...(server !== undefined && { servers: [server] }),
    ...(namespace !== undefined && { namespace }),
    ...(group !== undefined && { group }),
    ...(username !== undefined && { username }),
    ...(username !== undefined && password !== undefined && { password }),
  })
  let shown = ''
  discovery.watch(service, {
    next: (instances) => {
      const lines = instances
        .map((init) => parseInstance(init))
        .map(
          ({ host, port, weight, healthy }) =>
            `  ${host}:${port} weight ${weight}${healthy === false ? ' unhealthy' : ''}`,
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
    discovery.close().catch(console.error)
  })
}
