import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Etcd } from './etcd.ts'
import { freePort } from './free-port.ts'
import { exchange, HttpStatusError } from './http-request.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import { RunningServer } from './running-server.ts'
import { ServerProcess } from './server-process.ts'

export interface KubeApiServerOptions {
  /**
   * Further arguments. `--watch-cache=false --etcd-compaction-interval=0` together with `etcd.post('/v3/kv/compaction', …)`
   * lets a watch expire on demand.
   */
  readonly flags?: readonly string[]
  /** Of the server and its etcd. */
  readonly namespace?: NetworkNamespace
}

const slices = '/apis/discovery.k8s.io/v1/endpointslices'

/**
 * A Kubernetes API server 1.20 with an etcd of its own. There are no controllers: tests write the EndpointSlices. They are
 * `discovery.k8s.io/v1`, which 1.20 has not yet, as a resource that was added: lists, watches, bookmarks, 410 and RBAC are the
 * real ones, but nothing checks their fields.
 */
export class KubeApiServer extends RunningServer {
  static readonly programs: readonly string[] = ['kube-apiserver', ...Etcd.programs]
  /** Without a slash at the end. */
  readonly url: string
  /** Path of the certificate authority, PEM. */
  readonly caPath: string
  /** The token of somebody who may do everything. */
  readonly adminToken: string = 'token-of-admin'
  /** The token of a user `nobody`, who may do nothing until a role is bound to it. */
  readonly nobodyToken: string = 'token-of-nobody'
  readonly etcd: Etcd

  static async start(options: KubeApiServerOptions = {}): Promise<KubeApiServer> {
    const { flags = [], namespace } = options
    // The newest that this version knows.
    const etcd = await Etcd.start({ version: '3.4', ...(namespace && { namespace }) })
    const server = new ServerProcess(namespace)
    const host = namespace?.address ?? '127.0.0.1'
    const port = await freePort()
    const api = new KubeApiServer(server, etcd, host, port)
    try {
      await server.start('kube-apiserver', [...api.#arguments(host, port), ...flags], () => api.#isReady())
      await api.#addEndpointSlices()
    } catch (cause) {
      await api.stop()
      throw cause
    }
    return api
  }

  private constructor(server: ServerProcess, etcd: Etcd, host: string, port: number) {
    super(server)
    this.etcd = etcd
    this.url = `https://${host}:${port}`
    this.caPath = server.path('certificates/apiserver.crt')
  }

  /** The answer, parsed; anything but 2xx is an `HttpStatusError`. `token`: default that of the admin. */
  request(method: string, path: string, body?: unknown, token: string = this.adminToken): Promise<unknown> {
    const headers = {
      Authorization: `Bearer ${token}`,
      ...(method === 'PATCH' && { 'Content-Type': 'application/merge-patch+json' }),
    }
    return exchange({
      method,
      url: `${this.url}${path}`,
      body,
      headers,
      tls: { ca: readFileSync(this.caPath, 'utf8') },
    })
  }

  /** Lets the user `nobody` read the EndpointSlices of a namespace, which a discovery needs and nothing more. */
  async letNobodyRead(namespace: string): Promise<void> {
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`
    const metadata = { name: 'reader-of-slices' }
    const rule = { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] }
    await this.request('POST', `${path}/roles`, { metadata, rules: [rule] })
    await this.request('POST', `${path}/rolebindings`, {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'nobody' }],
    })
  }

  /** It is not asked to end: with a watch open it takes a minute for that. */
  override terminate(): Promise<void> {
    return this.kill()
  }

  override async stop(): Promise<void> {
    await super.stop()
    await this.etcd.stop()
  }

  async #isReady(): Promise<void> {
    if (!existsSync(this.caPath)) throw new Error('there is no certificate yet')
    await this.request('GET', '/readyz')
    await this.request('GET', '/api/v1/namespaces/default')
  }

  async #addEndpointSlices(): Promise<void> {
    const definition = readFileSync(new URL('endpoint-slice-v1.json', import.meta.url), 'utf8')
    await this.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
    for (;;) {
      try {
        await this.request('GET', slices)
        return
      } catch (cause) {
        if (!(cause instanceof HttpStatusError && cause.status === 404)) throw cause
      }
      await delay(20)
    }
  }

  #arguments(host: string, port: number): string[] {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    })
    const key = this.server.write('service-accounts.key', privateKey)
    const tokens = this.server.write(
      'tokens.csv',
      `${this.adminToken},admin,1,"system:masters"\n${this.nobodyToken},nobody,2\n`,
    )
    return [
      `--etcd-servers=${this.etcd.url}`,
      `--cert-dir=${this.server.path('certificates')}`,
      `--bind-address=${host}`,
      `--advertise-address=${host}`,
      `--secure-port=${port}`,
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.0.0.0/24',
      '--authorization-mode=RBAC',
      `--token-auth-file=${tokens}`,
      '--disable-admission-plugins=ServiceAccount',
      '--endpoint-reconciler-type=none',
      '--profiling=false',
      '--runtime-config=discovery.k8s.io/v1beta1=false',
    ]
  }
}
