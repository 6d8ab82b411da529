import { freePort } from './free-port.ts'
import { ServerProcess } from './server-process.ts'

export interface ConsulService {
  readonly ID: string
  readonly Name: string
  readonly Port: number
  readonly Address?: string
  readonly Weights?: { readonly Passing: number; readonly Warning: number }
  readonly Check?: { readonly CheckID: string; readonly TTL: string; readonly Status?: string }
}

/** A Consul agent in development mode, with its DNS interface. */
export class Consul {
  static readonly programs: readonly string[] = ['consul']
  readonly dnsPort: number
  readonly #api: string
  readonly #process: ServerProcess

  /** `configuration` is that of a configuration file. */
  static async start(configuration: object = {}): Promise<Consul> {
    const ports: number[] = []
    while (ports.length < 6) ports.push(await freePort())
    const [http = 0, dns = 0, server = 0, lan = 0, wan = 0, grpc = 0] = ports
    const agent = new ServerProcess()
    const consul = new Consul(http, dns, agent)
    const args = [
      `agent -dev -config-file=${agent.write('agent.json', JSON.stringify(configuration))}`,
      '-node=dev1 -bind=127.0.0.1 -client=127.0.0.1 -disable-host-node-id',
      `-http-port=${http} -dns-port=${dns} -server-port=${server} -serf-lan-port=${lan} -serf-wan-port=${wan} -grpc-port=${grpc}`,
    ]
    await agent.start('consul', args.join(' ').split(' '), async () => {
      // A leader, and itself in the catalogue.
      const nodes = (await consul.#request('GET', '/v1/catalog/nodes')) as unknown[]
      if (nodes.length !== 1) throw new Error('the agent is not in its own catalogue yet')
    })
    return consul
  }

  private constructor(httpPort: number, dnsPort: number, agent: ServerProcess) {
    this.dnsPort = dnsPort
    this.#api = `http://127.0.0.1:${httpPort}`
    this.#process = agent
  }

  get address(): string {
    return `127.0.0.1:${this.dnsPort}`
  }

  async register(service: ConsulService): Promise<void> {
    await this.#request('PUT', '/v1/agent/service/register', service)
  }

  async deregister(id: string): Promise<void> {
    await this.#request('PUT', `/v1/agent/service/deregister/${id}`)
  }

  async check(id: string, status: 'pass' | 'warn' | 'fail'): Promise<void> {
    await this.#request('PUT', `/v1/agent/check/${status}/${id}`)
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }

  async #request(method: string, path: string, body?: unknown): Promise<unknown> {
    const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
    const response = await fetch(`${this.#api}${path}`, init)
    const text = await response.text()
    if (!response.ok) throw new Error(`Consul: ${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}
