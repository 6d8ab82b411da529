import { freePorts } from './free-port.ts'
import { exchange } from './http-request.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import { RunningServer } from './running-server.ts'
import { ServerProcess } from './server-process.ts'
import { TestCertificates } from './test-certificates.ts'

export interface ConsulService {
  readonly ID: string
  readonly Name: string
  readonly Port: number
  readonly Address?: string
  readonly Tags?: readonly string[]
  readonly Meta?: Readonly<Record<string, string>>
  readonly Weights?: { readonly Passing: number; readonly Warning: number }
  readonly Check?: { readonly CheckID: string; readonly TTL: string; readonly Status?: string }
}

export interface ConsulOptions {
  /** More of the configuration file. */
  readonly configuration?: object
  /**
   * A server with its data on disk, so that kill and restart keep the catalogue. Ready in about 2 s. Default: development
   * mode, in memory, ready in 0.2 s; it knows nothing any more after a restart.
   */
  readonly persistent?: boolean
  /** Access control that denies by default. `request` then has the token of `managementToken`. */
  readonly acl?: boolean
  /** HTTPS instead of HTTP; "mutual": clients need a certificate too. */
  readonly tls?: 'server' | 'mutual'
  readonly namespace?: NetworkNamespace
}

type Ports = Awaited<ReturnType<typeof consulPorts>>

/** A Consul agent that is a cluster of its own, with its HTTP and DNS interfaces. */
export class Consul extends RunningServer {
  static readonly programs: readonly string[] = ['consul', ...TestCertificates.programs]
  /** Of the HTTP interface, without a slash at the end. */
  readonly url: string
  readonly dnsPort: number
  /** May do everything, where there is access control. */
  readonly managementToken: string = '7c0ad1e4-7f6c-4d4e-8f59-0d9a4c3a2b11'
  /** Where there is TLS. */
  readonly certificates: TestCertificates | undefined
  readonly #host: string
  readonly #headers: Readonly<Record<string, string>>

  static async start(options: ConsulOptions = {}): Promise<Consul> {
    const host = options.namespace?.address ?? '127.0.0.1'
    const server = new ServerProcess(options.namespace)
    const certificates = options.tls && (await TestCertificates.create(server.folder, host))
    const ports = await consulPorts()
    const consul = new Consul(server, host, ports, options, certificates)
    const file = server.write('agent.json', JSON.stringify(consul.#configuration(ports, options)))
    const mode = options.persistent === true ? [] : ['-dev']
    await server.start('consul', ['agent', ...mode, `-config-file=${file}`], async () => {
      // A leader, and itself in the catalogue.
      const nodes = (await consul.request('GET', '/v1/catalog/nodes')) as unknown[]
      if (nodes.length !== 1) throw new Error('the agent is not in its own catalogue yet')
    })
    return consul
  }

  private constructor(
    server: ServerProcess,
    host: string,
    ports: Ports,
    options: ConsulOptions,
    certificates: TestCertificates | undefined,
  ) {
    super(server)
    this.#host = host
    this.url = `${certificates ? 'https' : 'http'}://${host}:${ports.http}`
    this.dnsPort = ports.dns
    this.certificates = certificates
    this.#headers = options.acl === true ? { 'X-Consul-Token': this.managementToken } : {}
  }

  /** Of the DNS interface. */
  get address(): string {
    return `${this.#host}:${this.dnsPort}`
  }

  async register(service: ConsulService): Promise<void> {
    await this.request('PUT', '/v1/agent/service/register', service)
  }

  async deregister(id: string): Promise<void> {
    await this.request('PUT', `/v1/agent/service/deregister/${id}`)
  }

  async check(id: string, status: 'pass' | 'warn' | 'fail'): Promise<void> {
    await this.request('PUT', `/v1/agent/check/${status}/${id}`)
  }

  /** A new token with a policy of its own: `rules` such as `service_prefix "" { policy = "read" }`. */
  async createToken(name: string, rules: string): Promise<string> {
    await this.request('PUT', '/v1/acl/policy', { Name: name, Rules: rules })
    const token = (await this.request('PUT', '/v1/acl/token', { Policies: [{ Name: name }] })) as { SecretID: string }
    return token.SecretID
  }

  /** The answer, parsed; anything but 2xx is an `HttpStatusError`. */
  request(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const tls = this.certificates?.clientTls
    return exchange({
      method,
      url: `${this.url}${path}`,
      body,
      headers: { ...this.#headers, ...headers },
      ...(tls && { tls }),
    })
  }

  #configuration(ports: Ports, options: ConsulOptions): object {
    const { http, dns, server, lan, wan, grpc } = ports
    const web = this.certificates ? { http: -1, https: http } : { http }
    return {
      node_name: 'dev1',
      bind_addr: '127.0.0.1',
      client_addr: this.#host,
      disable_host_node_id: true,
      ports: { ...web, dns, server, serf_lan: lan, serf_wan: wan, grpc },
      ...(options.persistent === true && {
        server: true,
        bootstrap_expect: 1,
        data_dir: this.server.path('data'),
        performance: { raft_multiplier: 1 },
      }),
      ...(options.acl === true && {
        acl: {
          enabled: true,
          default_policy: 'deny',
          tokens: { master: this.managementToken, agent: this.managementToken },
        },
      }),
      ...(this.certificates && {
        ca_file: this.certificates.caPath,
        cert_file: this.certificates.server.cert,
        key_file: this.certificates.server.key,
        verify_incoming_https: options.tls === 'mutual',
      }),
      ...options.configuration,
    }
  }
}

function consulPorts(): Promise<Record<'http' | 'dns' | 'server' | 'lan' | 'wan' | 'grpc', number>> {
  return freePorts('http', 'dns', 'server', 'lan', 'wan', 'grpc')
}
