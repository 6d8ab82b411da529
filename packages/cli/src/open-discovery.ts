import type { ServiceDiscovery } from '@lb/core'
import type { DnsSrvDiscoveryOptions } from '@lb/dns-srv'
import type { Invocation } from './command-definition.ts'
import { CommandError } from './command-error.ts'
import { type DiscoveryName, discoveriesOfFlag, discoveryNames } from './discovery-flags.ts'
import { exitCodes } from './exit-code.ts'
import type { GivenOptions } from './given-options.ts'
import { openKubernetes } from './open-kubernetes.ts'
import { type Credentials, credentialsOf, serversOf, tokenOf } from './registry-credentials.ts'

/** An open discovery, and how it is called in output. */
export interface OpenDiscovery {
  readonly discovery: ServiceDiscovery
  readonly name: DiscoveryName
}

/** Opens the discovery that the flags choose. Only that one is loaded. `service` is the one that static addresses belong to. */
export async function openDiscovery(invocation: Invocation, service: string): Promise<OpenDiscovery> {
  const { options } = invocation
  const name = chosen(options)
  checkFlagsOf(name, options)
  try {
    return { discovery: await openers[name](invocation, service), name }
  } catch (error) {
    throw withFlagNames(error)
  }
}

/** Whether the flags say where instances come from. */
export function hasSource(options: GivenOptions): boolean {
  return discoveryNames.some((name) => options.has(name))
}

function chosen(options: GivenOptions): DiscoveryName {
  const [name, second] = discoveryNames.filter((each) => options.has(each))
  if (name === undefined) {
    const flags = discoveryNames.map((each) => `--${each}`).join(', ')
    throw new CommandError(`where instances come from is missing. Add one of ${flags}`, exitCodes.usage)
  }
  if (second !== undefined) {
    throw new CommandError(`--${name} and --${second} exclude each other. Leave one of them out`, exitCodes.usage)
  }
  return name
}

function checkFlagsOf(name: DiscoveryName, options: GivenOptions): void {
  for (const flag of options.names) {
    const owners = discoveriesOfFlag.get(flag)
    if (owners === undefined || owners.includes(name)) continue
    const where = owners.map((each) => `--${each}`).join(', ')
    throw new CommandError(`--${flag} belongs to ${where}, not to --${name}. Leave it out`, exitCodes.usage)
  }
}

type Opener = (invocation: Invocation, service: string) => Promise<ServiceDiscovery>

const dnsOptions = (options: GivenOptions, servers: string): DnsSrvDiscoveryOptions => ({
  servers: nonEmpty(options.list(servers)),
  name: options.text('dns-name'),
  transport: options.choice('dns-transport', ['udp', 'tcp']),
})

const openers: Readonly<Record<DiscoveryName, Opener>> = {
  static: async ({ options }, service) => {
    const { StaticDiscovery } = await import('@lb/core')
    const addresses = options.list('static')
    if (addresses.length === 0)
      throw new CommandError('--static must be addresses: host:port,host:port', exitCodes.usage)
    return new StaticDiscovery({ [service]: addresses })
  },
  file: async ({ options }) => {
    const { FileDiscovery } = await import('@lb/files')
    const path = options.text('file')
    const isFile = /\.(?:json|ya?ml)$/.test(path ?? '')
    return new FileDiscovery({ [isFile ? 'file' : 'directory']: path, serviceLabel: options.text('service-label') })
  },
  env: async ({ context: { env } }) => {
    const { EnvDiscovery } = await import('@lb/core')
    return new EnvDiscovery({ env })
  },
  dns: async ({ options }) => {
    const port = options.integer('port', 1, 65_535)
    if (port === undefined) throw new CommandError('--dns needs --port: A and AAAA records have none', exitCodes.usage)
    const { DnsDiscovery } = await import('@lb/dns-srv')
    return new DnsDiscovery({ ...dnsOptions(options, 'dns'), port, secure: options.has('secure') })
  },
  'dns-srv': async ({ options }) => {
    const { DnsSrvDiscovery } = await import('@lb/dns-srv')
    return new DnsSrvDiscovery(dnsOptions(options, 'dns-srv'))
  },
  'dns-sd': async ({ options }) => {
    const { DnsSdDiscovery } = await import('@lb/dns-srv')
    return new DnsSdDiscovery(dnsOptions(options, 'dns-sd'))
  },
  consul: async (invocation) => {
    const { options, context } = invocation
    const { ConsulDiscovery } = await import('@lb/consul')
    return new ConsulDiscovery({
      address: options.text('consul'),
      token: tokenOf(invocation),
      tokenFile: options.text('token-file'),
      datacenter: options.text('datacenter'),
      tag: nonEmpty(options.list('tag')),
      filter: options.text('filter'),
      passing: options.has('passing'),
      namespace: options.text('namespace'),
      partition: options.text('partition'),
      tls: tlsOf(options),
      env: context.env,
    })
  },
  etcd: async (invocation) => {
    const { options } = invocation
    const { EtcdDiscovery } = await import('@lb/etcd')
    const { servers, ...credentials } = withServers(invocation, 'etcd')
    return new EtcdDiscovery({
      endpoints: nonEmpty(servers),
      ...credentials,
      prefix: options.has('prefix') ? (options.texts('prefix').at(-1) ?? '') : undefined,
      codec: options.choice('codec', ['kratos', 'go-zero', 'address']),
      tls: tlsOf(options),
    })
  },
  nacos: async (invocation) => {
    const { options } = invocation
    const { NacosDiscovery } = await import('@lb/nacos')
    const { servers, ...credentials } = withServers(invocation, 'nacos')
    return new NacosDiscovery({
      servers: nonEmpty(servers),
      ...credentials,
      namespace: options.text('namespace'),
      group: options.text('group'),
      contextPath: options.text('context-path'),
      clusters: nonEmpty(options.list('cluster')),
      tls: tlsOf(options),
    })
  },
  kubernetes: openKubernetes,
}

function withServers(invocation: Invocation, flag: string): Credentials & { readonly servers: readonly string[] } {
  const { servers, userInfo } = serversOf(`--${flag}`, invocation.options.list(flag))
  return { servers, ...credentialsOf(invocation, userInfo) }
}

function nonEmpty(list: readonly string[]): readonly string[] | undefined {
  return list.length === 0 ? undefined : list
}

function tlsOf(options: GivenOptions): Readonly<Record<string, string>> | undefined {
  const files = { caFile: 'ca-file', certFile: 'cert-file', keyFile: 'key-file', serverName: 'tls-server-name' }
  const entries = Object.entries(files).flatMap(([name, flag]) => {
    const value = options.text(flag)
    return value === undefined ? [] : [[name, value] as const]
  })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

const flagsOfOptions: Readonly<Record<string, string>> = {
  address: 'consul',
  endpoints: 'etcd',
  server: 'kubernetes',
  name: 'dns-name',
  transport: 'dns-transport',
  clusters: 'cluster',
  directory: 'file',
  password: 'password-env',
  token: 'token-env',
}

/** An option of a discovery has the name of its flag in the message. */
function withFlagNames(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'LB_INVALID_INSTANCE') return new CommandError(`--static: ${error.message}`, exitCodes.usage)
  if (error.code !== 'LB_INVALID_OPTION') return error
  const message = error.message.replace(
    /\b(\w+)Discovery\.(\w+(?:\.\w+)?)(\[\d+\])?/g,
    (_, owner: string, option: string) => {
      const [first = '', second] = option.split('.')
      if (first === 'servers') return owner === 'Nacos' ? '--nacos' : '--dns, --dns-srv or --dns-sd'
      if (first === 'env') return `the variable ${second ?? ''}`
      const name = second ?? first
      const kebab =
        name === 'serverName' ? 'tls-server-name' : name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      return `--${flagsOfOptions[name] ?? kebab}`
    },
  )
  return new CommandError(message, exitCodes.usage)
}
