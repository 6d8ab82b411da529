import { type Clock, DiscoveryError, InvalidOptionError } from '@lb/core'
import { messageOf, oneLine, timeLimited } from '@lb/core/authoring'
import { checkServerUrl, type TlsOptions } from '@lb/registry-http'
import { isToken, type TokenSource } from './bearer-token.ts'
import type { ClusterAccess } from './cluster-access.ts'

/** A cluster of a `KubeConfig`. */
export interface KubeConfigCluster {
  /** `https://host:port`. */
  readonly server: string
  /** PEM in base64. */
  readonly caData?: string | undefined
  /** The path of a PEM file; comes before `caData`. */
  readonly caFile?: string | undefined
  /** The name in the certificate of the API server, when it is not the host. */
  readonly tlsServerName?: string | undefined
  /** `true`: any certificate is accepted. */
  readonly skipTLSVerify?: boolean | undefined
  /** Not supported. */
  readonly proxyUrl?: string | undefined
}

/** What a `KubeConfig` fills in of the options of `https.request`. */
interface KubeConfigRequest {
  /** With `Authorization`. */
  headers?: unknown
  /** The certificate of the client. */
  cert?: unknown
  /** The key of `cert`. */
  key?: unknown
}

/** What is used of the class `KubeConfig` of `@kubernetes/client-node` 1.0 and later. */
export interface KubeConfigObject {
  /** The name of the current context. */
  getCurrentContext(): string
  /** The context of that name. */
  getContextObject(name: string): { readonly namespace?: string | undefined } | null
  /** The cluster of the current context. */
  getCurrentCluster(): KubeConfigCluster | null
  /** The user of the current context. */
  getCurrentUser(): { readonly username?: string | undefined; readonly impersonateUser?: string | undefined } | null
  /** Writes what the user is known by into `request`; runs the plugin of the user when it has one. */
  applyToHTTPSOptions(request: object): Promise<void>
}

const path = 'KubernetesDiscovery.kubeconfig'
const methods: readonly (keyof KubeConfigObject)[] = [
  'getCurrentContext',
  'getContextObject',
  'getCurrentCluster',
  'getCurrentUser',
  'applyToHTTPSOptions',
]

/** @throws InvalidOptionError */
export function checkKubeConfigObject(value: unknown): void {
  const fits = (object: object): boolean => methods.every((method) => typeof Reflect.get(object, method) === 'function')
  if (typeof value === 'object' && value !== null && fits(value)) return
  // Not shown: it may hold secrets.
  throw new InvalidOptionError(
    path,
    `${path} must be the path of a kubeconfig file, or a KubeConfig of @kubernetes/client-node 1.0 or later, got ${typeof value}`,
  )
}

/**
 * How the cluster of the current context is reached. Token and certificate are asked of `kubeConfig` whenever they are needed, so that plugins
 * may renew them.
 *
 * @throws InvalidOptionError
 */
export function kubeConfigObjectAccess(
  kubeConfig: KubeConfigObject,
  limit: { readonly clock: Clock; readonly timeoutMs: number },
): ClusterAccess {
  const cluster = kubeConfig.getCurrentCluster()
  if (cluster === null)
    return reject('a KubeConfig with a current cluster', 'Load a kubeconfig into it, or set its current context')
  checkServerUrl(`${path}: the server of the current cluster`, cluster.server)
  if (cluster.proxyUrl !== undefined)
    reject('a KubeConfig without a proxy', 'For its current cluster it has one, which is not supported')
  const { namespace } = kubeConfig.getContextObject(kubeConfig.getCurrentContext()) ?? {}
  const access = { server: cluster.server, namespace: namespace || undefined }
  const user = kubeConfig.getCurrentUser()
  // As in client-go: credentials are sent over encrypted connections only.
  if (user === null || !cluster.server.toLowerCase().startsWith('https:')) return { ...access, tls: tlsOf(cluster) }
  if (user.username)
    reject('a KubeConfig with a token or a client certificate', 'API servers refuse passwords since Kubernetes 1.19')
  if (user.impersonateUser) reject('a KubeConfig without impersonation', 'It is not supported')
  const credentials = new UserCredentials(kubeConfig, limit)
  return {
    ...access,
    tls: async () => ({ ...tlsOf(cluster), ...(await credentials.certificate()) }),
    tokens: credentials,
  }
}

/** What the user of a `KubeConfig` is known by now. */
class UserCredentials implements TokenSource {
  readonly #kubeConfig: KubeConfigObject
  readonly #limit: { readonly clock: Clock; readonly timeoutMs: number }
  #asking: Promise<KubeConfigRequest> | undefined

  constructor(kubeConfig: KubeConfigObject, limit: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.#kubeConfig = kubeConfig
    this.#limit = limit
  }

  async current(): Promise<string | undefined> {
    const { headers } = await this.#ask()
    const authorization = textOf(Object(headers).Authorization)
    if (authorization === undefined) return undefined
    const [, token = ''] = /^Bearer (.*)$/.exec(authorization) ?? []
    if (!isToken(token))
      throw new DiscoveryError('the KubeConfig gave no token that could be sent: it must be visible ASCII characters')
    return token
  }

  async insteadOf(refused: string | undefined): Promise<string | undefined> {
    const token = await this.current().catch(() => undefined)
    return token === refused ? undefined : token
  }

  async certificate(): Promise<TlsOptions> {
    const request = await this.#ask()
    const [cert, key] = [textOf(request.cert), textOf(request.key)]
    return cert === undefined || key === undefined ? {} : { cert, key }
  }

  /** One question at a time, for all callers: each may start a program. */
  #ask(): Promise<KubeConfigRequest> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askNow(): Promise<KubeConfigRequest> {
    const { clock, timeoutMs } = this.#limit
    const late = (): Error => new DiscoveryError(`the KubeConfig gave no credentials within ${timeoutMs} ms`)
    const request: KubeConfigRequest = {}
    try {
      await timeLimited({ clock, limitMs: timeoutMs, late }, () => this.#kubeConfig.applyToHTTPSOptions(request))
      return request
    } catch (cause) {
      if (cause instanceof DiscoveryError) throw cause
      // A parser shows a part of what it could not read, which may be the token.
      const reason = cause instanceof SyntaxError ? 'what its plugin wrote is no JSON' : oneLine(messageOf(cause), 300)
      throw new DiscoveryError(`the KubeConfig gave no credentials: ${reason}`)
    }
  }
}

function tlsOf({ caData, caFile, tlsServerName, skipTLSVerify }: KubeConfigCluster): TlsOptions {
  const ca = caFile ? { caFile } : caData ? { ca: Buffer.from(caData, 'base64').toString('utf8') } : {}
  return {
    ...ca,
    ...(tlsServerName ? { serverName: tlsServerName } : {}),
    ...(skipTLSVerify === true ? { rejectUnauthorized: false } : {}),
  }
}

/** A file that the KubeConfig read is a buffer. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('utf8') : undefined
}

function reject(legal: string, remedy: string): never {
  throw new InvalidOptionError(path, `${path} must be ${legal}. ${remedy}`)
}
