import type { Clock } from '@lb/core'
import type { LookupConfiguration } from './lookup.ts'
import { parseNameServer } from './name-server.ts'
import type { LookupOptions } from './options.ts'
import { SystemConfiguration } from './system-configuration.ts'

const defaults = Object.freeze({ resolvConf: '/etc/resolv.conf', timeoutMs: 2_000, tries: 2 })

/** How servers are asked: options win, then the system's configuration, then defaults. */
export function lookupConfiguration(options: LookupOptions, clock: Clock): () => Promise<LookupConfiguration> {
  const { resolvConf = defaults.resolvConf, transport } = options
  const system = new SystemConfiguration(resolvConf, clock)
  const servers = options.servers?.map(parseNameServer).filter((server) => server !== undefined)
  const search = options.search?.map((domain) => domain.replace(/\.$/, ''))
  return async () => {
    const conf = await system.current()
    return {
      servers: servers ?? conf.servers,
      search: search ?? conf.search,
      ndots: conf.ndots,
      timeoutMs: options.timeoutMs ?? conf.timeoutMs ?? defaults.timeoutMs,
      tries: options.tries ?? conf.tries ?? defaults.tries,
      onlyTcp: transport === undefined ? conf.onlyTcp : transport === 'tcp',
      rotate: conf.rotate,
    }
  }
}
