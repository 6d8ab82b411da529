import { domainNameProblem } from './domain-name.ts'
import { type NameServer, parseNameServer } from './name-server.ts'

/** What of resolv.conf(5) matters here. */
export interface ResolvConf {
  readonly servers: readonly NameServer[]
  readonly search: readonly string[]
  readonly ndots: number
  /** `timeout`, which the file has in seconds. */
  readonly timeoutMs?: number
  /** `attempts`. */
  readonly tries?: number
  /** `use-vc`. */
  readonly onlyTcp: boolean
  readonly rotate: boolean
}

/** More servers or domains than these are ignored. */
const maxServers = 8
const maxDomains = 32
/** Larger values count as these, as in the C library. */
const maxNdots = 15
const maxTimeoutSeconds = 30
const maxAttempts = 5

/**
 * Reads the text of a resolv.conf: `nameserver`, `search`, `domain` and the options `ndots`, `timeout`, `attempts`, `use-vc` and
 * `rotate`. The last of `search` and `domain` counts. What cannot be used is left out, as the C library does.
 */
export function parseResolvConf(text: string): ResolvConf {
  const servers: NameServer[] = []
  let search: string[] = []
  const options: string[] = []
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
      options.push(...values)
    }
  }
  search = search.filter((domain) => domainNameProblem(domain) === undefined).slice(0, maxDomains)
  return { servers, search, ...readOptions(options) }
}

function readOptions(options: readonly string[]): Omit<ResolvConf, 'servers' | 'search'> {
  const timeoutSeconds = numberOf(options, 'timeout', 1, maxTimeoutSeconds)
  const tries = numberOf(options, 'attempts', 1, maxAttempts)
  return {
    ndots: numberOf(options, 'ndots', 0, maxNdots) ?? 1,
    ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1_000 }),
    ...(tries === undefined ? {} : { tries }),
    onlyTcp: options.includes('use-vc'),
    rotate: options.includes('rotate'),
  }
}

/** The number of the last option of that name, within bounds. */
function numberOf(options: readonly string[], name: string, min: number, max: number): number | undefined {
  const digits = options.findLast((option) => option.startsWith(`${name}:`) && /:\d+$/.test(option))?.split(':')[1]
  return digits === undefined ? undefined : Math.min(Math.max(Number(digits), min), max)
}
