import { domainNameProblem } from './domain-name.ts'
import { type NameServer, parseNameServer } from './name-server.ts'

/** What of resolv.conf(5) matters here. */
export interface ResolvConf {
  readonly servers: readonly NameServer[]
  readonly search: readonly string[]
  readonly ndots: number
}

/** More servers or domains than these are ignored. */
const maxServers = 8
const maxDomains = 32
const maxNdots = 15

/**
 * Reads the text of a resolv.conf: `nameserver`, `search`, `domain` and the option `ndots`. The last of `search` and
 * `domain` counts. What cannot be used is left out, as the C library does; times and tries are options of the discovery.
 */
export function parseResolvConf(text: string): ResolvConf {
  const servers: NameServer[] = []
  let search: string[] = []
  let ndots = 1
  for (const line of text.split(/\r?\n/)) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver') {
      const server = parseNameServer(values[0] ?? '')
      if (server !== undefined && servers.length < maxServers) servers.push(server)
    } else if (keyword === 'search' || keyword === 'domain') {
      search = (keyword === 'domain' ? values.slice(0, 1) : values).map((domain) => domain.replace(/\.$/, ''))
    } else if (keyword === 'options') {
      ndots = ndotsOf(values) ?? ndots
    }
  }
  search = search.filter((domain) => domainNameProblem(domain) === undefined).slice(0, maxDomains)
  return { servers, search, ndots }
}

function ndotsOf(options: readonly string[]): number | undefined {
  const digits = options.findLast((option) => /^ndots:\d+$/.test(option))?.slice('ndots:'.length)
  return digits === undefined ? undefined : Math.min(Number(digits), maxNdots)
}
