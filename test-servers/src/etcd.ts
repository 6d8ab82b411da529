import { freePorts } from './free-port.ts'
import { exchange } from './http-request.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import { RunningServer } from './running-server.ts'
import { ServerProcess } from './server-process.ts'
import { TestCertificates } from './test-certificates.ts'

export type EtcdVersion = '3.4' | '3.5'

export interface EtcdOptions {
  /** Default: 3.5. */
  readonly version?: EtcdVersion
  /** Further arguments, such as `--experimental-watch-progress-notify-interval=500ms`. */
  readonly flags?: readonly string[]
  /** HTTPS instead of HTTP; "mutual": clients need a certificate too. */
  readonly tls?: 'server' | 'mutual'
  readonly namespace?: NetworkNamespace
}

/** Where a member of a cluster is, before it is started. */
export interface EtcdPlace {
  readonly name: string
  readonly host: string
  readonly client: number
  readonly peer: number
}

/** etcd with its JSON gateway: one member, or one of an `EtcdCluster`. */
export class Etcd extends RunningServer {
  static readonly programs: readonly string[] = ['etcd-3.4', 'etcd-3.5', ...TestCertificates.programs]
  /** Of the JSON gateway, without a slash at the end. */
  readonly url: string
  readonly name: string
  /** Where there is TLS. */
  readonly certificates: TestCertificates | undefined

  static async start(options: EtcdOptions = {}): Promise<Etcd> {
    return Etcd.startMember(await etcdPlace('etcd-1', options.namespace), [], options)
  }

  /** `others`: the further members, which start at the same time; it is ready when most of them are. */
  static async startMember(place: EtcdPlace, others: readonly EtcdPlace[], options: EtcdOptions): Promise<Etcd> {
    const { version = '3.5', tls, flags = [], namespace } = options
    const server = new ServerProcess(namespace)
    const certificates = tls && (await TestCertificates.create(server.folder, place.host))
    const etcd = new Etcd(server, place, certificates)
    const args = [...etcd.#arguments(place, [place, ...others]), ...tlsArguments(options, certificates), ...flags]
    await server.start(`etcd-${version}`, args, async () => {
      const { health } = (await etcd.get('/health')) as { health: string }
      if (health !== 'true') throw new Error('the cluster has no leader yet')
    })
    return etcd
  }

  private constructor(server: ServerProcess, place: EtcdPlace, certificates: TestCertificates | undefined) {
    super(server)
    this.name = place.name
    this.certificates = certificates
    this.url = `${certificates ? 'https' : 'http'}://${place.host}:${place.client}`
  }

  /** The answer of the gateway, parsed: `post('/v3/kv/put', { key, value })`. Anything but 2xx is an `HttpStatusError`. */
  post(path: string, body: object = {}, token?: string): Promise<unknown> {
    return this.#exchange('POST', path, body, token === undefined ? {} : { Authorization: token })
  }

  /** The answer for `/health`, `/version` or `/metrics`. */
  get(path: string): Promise<unknown> {
    return this.#exchange('GET', path)
  }

  #exchange(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<unknown> {
    const tls = this.certificates?.clientTls
    return exchange({ method, url: `${this.url}${path}`, body, headers, ...(tls && { tls }) })
  }

  #arguments(place: EtcdPlace, members: readonly EtcdPlace[]): string[] {
    const peerUrl = ({ host, peer }: EtcdPlace): string => `http://${host}:${peer}`
    return [
      `--name=${place.name}`,
      `--data-dir=${this.server.path('data')}`,
      `--listen-client-urls=${this.url}`,
      `--advertise-client-urls=${this.url}`,
      `--listen-peer-urls=${peerUrl(place)}`,
      `--initial-advertise-peer-urls=${peerUrl(place)}`,
      `--initial-cluster=${members.map((member) => `${member.name}=${peerUrl(member)}`).join(',')}`,
      '--unsafe-no-fsync',
      '--logger=zap',
      '--log-outputs=stderr',
    ]
  }
}

export async function etcdPlace(name: string, namespace?: NetworkNamespace): Promise<EtcdPlace> {
  return { name, host: namespace?.address ?? '127.0.0.1', ...(await freePorts('client', 'peer')) }
}

function tlsArguments({ tls }: EtcdOptions, certificates: TestCertificates | undefined): string[] {
  if (certificates === undefined) return []
  const files = [`--cert-file=${certificates.server.cert}`, `--key-file=${certificates.server.key}`]
  return tls === 'mutual' ? [...files, '--client-cert-auth', `--trusted-ca-file=${certificates.caPath}`] : files
}
