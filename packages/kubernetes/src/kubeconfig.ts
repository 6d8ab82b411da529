import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { rejectOption } from '@lb/core/authoring'
import { checkServerUrl, type TlsOptions } from '@lb/registry-http'
import { parse } from 'yaml'
import { isToken } from './bearer-token.ts'
import type { ClusterAccess } from './cluster-access.ts'

type Entry = Readonly<Record<string, unknown>>

/**
 * Reads how a cluster is reached from a kubeconfig file: the context `context`, or the one that the file calls current. Paths in it
 * begin at its folder.
 *
 * @throws InvalidOptionError naming what is missing in the file or cannot be used; never a value from it
 */
export function kubeconfigAccess(path: string, context?: string): ClusterAccess {
  return new Kubeconfig(path).access(context)
}

class Kubeconfig {
  readonly #path: string
  readonly #content: Entry

  constructor(path: string) {
    this.#path = path
    const content = this.#read()
    if (!isEntry(content)) this.#reject('the path of a kubeconfig file', 'It holds no mapping')
    this.#content = content
  }

  access(wanted: string | undefined): ClusterAccess {
    const contextName = wanted ?? this.#text(this.#content, 'current-context', 'the file')
    if (contextName === undefined || contextName === '') {
      this.#reject('a kubeconfig with a current context', 'It has none: name one with the option context')
    }
    const context = this.#named('contexts', 'context', contextName)
    const where = `the context ${quoted(contextName)}`
    const clusterName = this.#text(context, 'cluster', where)
    if (clusterName === undefined) this.#reject(`a kubeconfig in which ${where} has a cluster`)
    const userName = this.#text(context, 'user', where)
    const cluster = this.#cluster(clusterName)
    // As in client-go: credentials are sent over encrypted connections only.
    const isEncrypted = cluster.server.toLowerCase().startsWith('https:')
    const user = userName === undefined || !isEncrypted ? { tls: {} } : this.#user(userName)
    return {
      ...cluster,
      ...user,
      tls: { ...cluster.tls, ...user.tls },
      namespace: this.#text(context, 'namespace', where),
    }
  }

  #read(): unknown {
    let content: string
    try {
      content = readFileSync(this.#path, 'utf8')
    } catch (cause) {
      const { code = 'unreadable' } = cause as NodeJS.ErrnoException
      return this.#reject('the path of a kubeconfig file', `It cannot be read (${code})`)
    }
    try {
      // The pretty errors show lines of the file, which may be secret.
      return parse(content, { prettyErrors: false, logLevel: 'error' })
    } catch {
      return this.#reject('the path of a kubeconfig file', 'It is no YAML')
    }
  }

  #cluster(name: string): { readonly server: string; readonly tls: TlsOptions } {
    const cluster = this.#named('clusters', 'cluster', name)
    const where = `the cluster ${quoted(name)}`
    const server = this.#text(cluster, 'server', where)
    if (server === undefined) this.#reject(`a kubeconfig in which ${where} has a server`)
    checkServerUrl(`KubernetesDiscovery.kubeconfig: the server of ${where}`, server)
    if (this.#text(cluster, 'proxy-url', where) !== undefined) {
      this.#reject('a kubeconfig without proxy-url', `For ${where} it has one, which is not supported`)
    }
    const serverName = this.#text(cluster, 'tls-server-name', where)
    return {
      server,
      tls: {
        ...this.#pem(cluster, 'certificate-authority', 'ca', where),
        ...(serverName === undefined ? undefined : { serverName }),
        ...(cluster['insecure-skip-tls-verify'] === true ? { rejectUnauthorized: false } : undefined),
      },
    }
  }

  #user(name: string): { readonly token?: string; readonly tokenFile?: string; readonly tls: TlsOptions } {
    const user = this.#named('users', 'user', name)
    const where = `the user ${quoted(name)}`
    this.#checkSupported(user, where)
    const tls = {
      ...this.#pem(user, 'client-certificate', 'cert', where),
      ...this.#pem(user, 'client-key', 'key', where),
    }
    const tokenFile = this.#text(user, 'tokenFile', where)
    // As client-go: the file first, since it may be renewed.
    if (tokenFile !== undefined) return { tokenFile: this.#absolute(tokenFile), tls }
    const token = this.#text(user, 'token', where)
    if (token === undefined) return { tls }
    if (!isToken(token)) this.#reject(`a kubeconfig in which ${where} has a token of printable characters`)
    return { token, tls }
  }

  #checkSupported(user: Entry, where: string): void {
    const remedy =
      'Give server and the token of a service account ("kubectl create token NAME"), or run "kubectl proxy" and give server "http://127.0.0.1:8001"'
    for (const [key, what] of unsupported) {
      if (user[key] !== undefined && user[key] !== null) {
        this.#reject('a kubeconfig with a token or a client certificate', `In it ${where} uses ${what}. ${remedy}`)
      }
    }
  }

  /** `key` names a file, `key-data` holds its content in base64 and comes first. */
  #pem(entry: Entry, key: string, part: 'ca' | 'cert' | 'key', where: string): TlsOptions {
    const data = this.#text(entry, `${key}-data`, where)
    if (data !== undefined && data !== '') {
      const pem = Buffer.from(data, 'base64').toString('utf8')
      if (!pem.includes('-----BEGIN ')) this.#reject(`a kubeconfig in which ${key}-data of ${where} is PEM in base64`)
      return { [part]: pem }
    }
    const file = this.#text(entry, key, where)
    return file === undefined || file === '' ? {} : { [`${part}File`]: this.#absolute(file) }
  }

  /** The entry `name` of a list of `{ name, [kind]: … }`. */
  #named(list: string, kind: string, name: string): Entry {
    const entries: unknown = this.#content[list]
    const found = Array.isArray(entries) ? entries.find((entry) => isEntry(entry) && entry.name === name) : undefined
    const entry: unknown = isEntry(found) ? (found[kind] ?? {}) : undefined
    if (isEntry(entry)) return entry
    return this.#reject(`a kubeconfig with the ${kind} ${quoted(name)}`, `It has none of that name in ${list}`)
  }

  #text(entry: Entry, key: string, where: string): string | undefined {
    const value = entry[key]
    if (value === undefined || value === null) return undefined
    return typeof value === 'string' ? value : this.#reject(`a kubeconfig in which ${key} of ${where} is a text`)
  }

  #absolute(path: string): string {
    return resolve(dirname(this.#path), path)
  }

  #reject(legal: string, remedy?: string): never {
    rejectOption('KubernetesDiscovery.kubeconfig', legal, this.#path, remedy)
  }
}

/** What a user may have that would need another program, or would change the user. */
const unsupported: readonly (readonly [key: string, what: string])[] = [
  ['exec', 'an exec plugin, which is not run'],
  ['auth-provider', 'an auth provider, which is not supported'],
  ['username', 'a name and password, which API servers refuse since Kubernetes 1.19'],
  ['as', 'impersonation, which is not supported'],
]

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function quoted(name: string): string {
  return JSON.stringify(name)
}
