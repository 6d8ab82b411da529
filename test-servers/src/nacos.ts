import { setTimeout as delay } from 'node:timers/promises'
import { freePort, isFree } from './free-port.ts'
import { exchange, HttpStatusError } from './http-request.ts'
import { RunningServer } from './running-server.ts'
import { ServerProcess } from './server-process.ts'

/** 2.5 has version 1 of the HTTP API, 3.1 has versions 1 and 3. */
export type NacosVersion = '2.5' | '3.1'

/** An instance as the server lists it. */
export interface NacosInstance {
  readonly ip: string
  readonly port: number
  readonly weight: number
  readonly healthy: boolean
  readonly enabled: boolean
  readonly ephemeral: boolean
  readonly clusterName: string
  readonly metadata: Readonly<Record<string, string>>
}

/** What is registered; the rest as the server has it by default. */
export type NacosInstanceInit = Pick<NacosInstance, 'ip' | 'port'> & Partial<NacosInstance>

/** Where a service is, if not in the default group of the namespace `public`. */
export interface NacosPlace {
  readonly group?: string
  readonly namespace?: string
}

/** Instances stay for as long as a test takes, without beats. */
const lasting = { 'preserved.heart.beat.timeout': '3600000', 'preserved.ip.delete.timeout': '3600000' }
/** Under load: 10 s on 2 cores that are idle. */
const readyTimeoutMs = 180_000

/** A Nacos server, alone, with its own database. Its API for administrators is open to everybody. */
export class Nacos extends RunningServer {
  /** For hooks that start one. */
  static readonly startTimeoutMs: number = readyTimeoutMs + 1_000
  /** The first user, which may do everything. */
  readonly user: { readonly username: string; readonly password: string } = { username: 'nacos', password: 'for-tests' }
  readonly url: string
  readonly version: NacosVersion
  #hasUser = false

  static programs(version: NacosVersion): readonly string[] {
    return [`nacos-${version}`, 'java']
  }

  static async start(version: NacosVersion): Promise<Nacos> {
    const server = new ServerProcess()
    const port = await freeMainPort()
    const nacos = new Nacos(server, version, port)
    nacos.#configure(false)
    const args = [`-Dnacos.home=${server.folder}`, `-Dserver.port=${port}`, `-Dnacos.server.main.port=${port}`]
    // It would leave files in the home of the user and among temporary ones.
    for (const place of ['server.tomcat.basedir', 'user.home', 'java.io.tmpdir'])
      args.push(`-D${place}=${server.folder}`)
    args.push(`-Dspring.config.additional-location=file:${server.folder}/conf/`)
    await server.start(`nacos-${version}`, args, () => nacos.instances('ready'), readyTimeoutMs)
    return nacos
  }

  private constructor(server: ServerProcess, version: NacosVersion, port: number) {
    super(server)
    this.version = version
    this.url = `http://127.0.0.1:${port}`
  }

  /** From now on everything asks for a token of `user`, or nothing does. Resolves when that is so. */
  async useAuthentication(isOn: boolean): Promise<void> {
    if (isOn && !this.#hasUser) await this.#createUser()
    this.#configure(isOn)
    while ((await statusOf(this.instances('web'))) !== (isOn ? 403 : 200)) await delay(50)
  }

  /** An ephemeral instance, which stays without beats. */
  async register(service: string, init: NacosInstanceInit, place: NacosPlace = {}): Promise<void> {
    const { metadata, ...fields } = init
    await this.#send('POST', '/v1/ns/instance', {
      ...placeOf(service, place),
      ...fields,
      metadata: JSON.stringify({ ...metadata, ...lasting }),
    })
  }

  /** `clusterName` of the instance is a part of what it is. */
  async deregister(service: string, instance: NacosInstanceInit, place: NacosPlace = {}): Promise<void> {
    const { ip, port, clusterName = 'DEFAULT' } = instance
    await this.#send('DELETE', '/v1/ns/instance', { ...placeOf(service, place), ip, port, clusterName })
  }

  /** All that it lists, healthy or not; an instance that is not enabled is not listed at all. */
  async instances(service: string, place: NacosPlace = {}): Promise<readonly NacosInstance[]> {
    const { hosts } = await this.#send('GET', '/v1/ns/instance/list', placeOf(service, place))
    return hosts as NacosInstance[]
  }

  /** Of a service that has instances: up to this part of healthy ones, all of them are given as healthy. */
  async protect(service: string, protectThreshold: number): Promise<void> {
    const path = this.version === '2.5' ? '/v1/ns/service' : '/v3/admin/ns/service'
    await this.#send('PUT', path, { serviceName: service, protectThreshold })
  }

  async #createUser(): Promise<void> {
    const path = this.version === '2.5' ? '/v1/auth/users/admin' : '/v3/auth/user/admin'
    await this.#send('POST', path, { password: this.user.password })
    // A user is known some seconds after it was created.
    while ((await statusOf(this.#send('POST', '/v1/auth/users/login', this.user))) !== 200) await delay(200)
    this.#hasUser = true
  }

  /** The server notices changes of this file. */
  #configure(hasAuthentication: boolean): void {
    const properties = {
      'server.servlet.contextPath': '/nacos',
      'spring.sql.init.platform': 'derby',
      // On a machine under load, the database takes its time.
      'db.pool.config.connectionTimeout': 120_000,
      'nacos.core.auth.enabled': hasAuthentication,
      'nacos.core.auth.admin.enabled': false,
      'nacos.core.auth.system.type': 'nacos',
      'nacos.core.auth.server.identity.key': 'test-servers',
      'nacos.core.auth.server.identity.value': 'test-servers',
      'nacos.core.auth.plugin.nacos.token.secret.key': Buffer.from(
        'a key that only tests of this project use',
      ).toString('base64'),
    }
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`)
    this.server.write('conf/application.properties', `${lines.join('\n')}\n`)
  }

  async #send(method: string, path: string, fields: object): Promise<Readonly<Record<string, unknown>>> {
    const form = new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)]))
    const answer = await exchange({ method, url: `${this.url}/nacos${path}?${form.toString()}` })
    return typeof answer === 'object' && answer !== null ? { ...answer } : {}
  }
}

function placeOf(serviceName: string, { group = 'DEFAULT_GROUP', namespace = 'public' }: NacosPlace): object {
  return { serviceName, groupName: group, namespaceId: namespace, healthyOnly: false }
}

function statusOf(answer: Promise<unknown>): Promise<number> {
  return answer.then(
    () => 200,
    (cause: unknown) => (cause instanceof HttpStatusError ? cause.status : 0),
  )
}

/** One whose neighbours for Raft (1000 below) and gRPC (1000 and 1001 above) are free, too. */
async function freeMainPort(): Promise<number> {
  for (;;) {
    const port = await freePort()
    const others = await Promise.all([port - 1_000, port + 1_000, port + 1_001].map(isFree))
    if (others.every(Boolean)) return port
  }
}
