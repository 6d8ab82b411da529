import type { FlagDefinition } from './command-definition.ts'

/** The discoveries, by the flag that chooses them. */
export const discoveryNames = [
  'static',
  'file',
  'env',
  'dns',
  'dns-srv',
  'dns-sd',
  'consul',
  'etcd',
  'nacos',
  'kubernetes',
] as const

/** The flag of a discovery. */
export type DiscoveryName = (typeof discoveryNames)[number]

const source = 'Where instances come from (one of)'
const details = 'Options of the source'

const dns: readonly DiscoveryName[] = ['dns', 'dns-srv', 'dns-sd']
const http: readonly DiscoveryName[] = ['consul', 'etcd', 'nacos']

interface SourceFlag extends FlagDefinition {
  /** The discoveries that it belongs to. */
  readonly of: readonly DiscoveryName[]
}

const sources: readonly FlagDefinition[] = [
  { flags: '--static <addresses>', description: 'the addresses themselves: host:port,host:port', group: source },
  {
    flags: '--file <path>',
    description: 'a .json or .yaml file in the form of Prometheus, or a folder of them',
    group: source,
  },
  { flags: '--env', description: 'variables of the form services__NAME__http__0', group: source },
  {
    flags: '--dns [servers]',
    description: 'A and AAAA records; needs --port. Without servers: those of the system',
    group: source,
  },
  { flags: '--dns-srv [servers]', description: 'SRV records', group: source },
  { flags: '--dns-sd [servers]', description: 'DNS-SD: PTR, SRV and TXT records', group: source },
  {
    flags: '--consul [url]',
    description: 'Consul. Default: CONSUL_HTTP_ADDR, else http://127.0.0.1:8500',
    group: source,
  },
  { flags: '--etcd [urls]', description: 'etcd. Default: http://127.0.0.1:2379', group: source },
  { flags: '--nacos [urls]', description: 'Nacos. Default: http://127.0.0.1:8848', group: source },
  {
    flags: '--kubernetes [url]',
    description: 'EndpointSlices. Default: the kubeconfig, else the cluster of the pod',
    group: source,
  },
]

const sourceOptions: readonly SourceFlag[] = [
  {
    flags: '--service-label <label>',
    description: 'the label that names the service in a file',
    of: ['file'],
    group: details,
  },
  {
    flags: '--port <port>',
    description: 'the port of instances: a number, in Kubernetes also a name',
    of: ['dns', 'kubernetes'],
    group: details,
  },
  { flags: '--secure', description: 'instances are reached by https', of: ['dns'], group: details },
  {
    flags: '--dns-name <template>',
    description: 'the DNS name, such as {service}.service.consul',
    of: dns,
    group: details,
  },
  { flags: '--dns-transport <transport>', description: 'udp or tcp', of: dns, group: details },
  { flags: '--datacenter <name>', description: "Consul's datacenter", of: ['consul'], group: details },
  {
    flags: '--tag <tag>',
    description: 'only instances with this tag; repeat it for several',
    of: ['consul'],
    group: details,
  },
  {
    flags: '--filter <expression>',
    description: 'only instances for which this expression of Consul holds',
    of: ['consul'],
    group: details,
  },
  { flags: '--passing', description: 'only instances whose checks pass', of: ['consul'], group: details },
  { flags: '--partition <name>', description: 'the partition of Consul Enterprise', of: ['consul'], group: details },
  { flags: '--namespace <name>', description: 'the namespace', of: ['consul', 'nacos', 'kubernetes'], group: details },
  {
    flags: '--prefix <prefix>',
    description: 'what comes before the name of a service, with a slash at its end',
    of: ['etcd'],
    group: details,
  },
  {
    flags: '--codec <name>',
    description: 'how instances are written: kratos, go-zero or address',
    of: ['etcd'],
    group: details,
  },
  { flags: '--group <name>', description: "Nacos' group", of: ['nacos'], group: details },
  {
    flags: '--cluster <name>',
    description: 'only instances of this cluster of Nacos; repeat it for several',
    of: ['nacos'],
    group: details,
  },
  { flags: '--context-path <path>', description: "where Nacos' API begins", of: ['nacos'], group: details },
  {
    flags: '--kubeconfig <path>',
    description: 'Default: KUBECONFIG, else ~/.kube/config',
    of: ['kubernetes'],
    group: details,
  },
  { flags: '--context <name>', description: 'a context in the kubeconfig', of: ['kubernetes'], group: details },
  {
    flags: '--username <name>',
    description: 'the user; the password is in a variable',
    of: ['etcd', 'nacos'],
    group: details,
  },
  {
    flags: '--password-env <variable>',
    description: 'the variable with the password. Default: LB_PASSWORD',
    of: ['etcd', 'nacos'],
    group: details,
  },
  {
    flags: '--token-env <variable>',
    description: 'the variable with the token',
    of: ['consul', 'kubernetes'],
    group: details,
  },
  { flags: '--token-file <path>', description: 'a file with the token', of: ['consul', 'kubernetes'], group: details },
  {
    flags: '--ca-file <path>',
    description: 'a PEM file with the authority of the server',
    of: [...http, 'kubernetes'],
    group: details,
  },
  {
    flags: '--cert-file <path>',
    description: 'a PEM file with the certificate of the client',
    of: http,
    group: details,
  },
  { flags: '--key-file <path>', description: 'a PEM file with its key', of: http, group: details },
  { flags: '--tls-server-name <name>', description: "the name in the server's certificate", of: http, group: details },
]

/** The flags that say where instances come from. */
export const discoveryFlags: readonly FlagDefinition[] = [...sources, ...sourceOptions]

/** The discoveries that each further flag belongs to, by its name. */
export const discoveriesOfFlag: ReadonlyMap<string, readonly DiscoveryName[]> = new Map(
  sourceOptions.map(({ flags, of }) => [/--([\w-]+)/.exec(flags)?.[1] ?? '', of]),
)
