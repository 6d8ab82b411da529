import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import type { Etcd } from 'test-servers'
import { type CodecName, codecs } from '../src/codec-by-name.ts'
import { keysUnder, toBase64 } from '../src/key-range.ts'

interface Answer {
  readonly header: { readonly revision: string }
}

/** Writes to etcd as operators and other programs do. */
export class EtcdStore {
  readonly #post: Etcd['post']
  readonly #codec: CodecName
  readonly #prefix: string
  token: string | undefined

  constructor(etcd: Pick<Etcd, 'post'>, codec: CodecName = 'kratos', prefix = '/microservices/') {
    this.#post = etcd.post.bind(etcd)
    this.#codec = codec
    this.#prefix = prefix
  }

  call(path: string, body: object = {}): Promise<unknown> {
    return this.#post(path, body, this.token)
  }

  async put(key: string, value: string, lease?: string): Promise<bigint> {
    const body = { key: toBase64(key), value: toBase64(value), ...(lease !== undefined && { lease }) }
    return BigInt(((await this.call('/v3/kv/put', body)) as Answer).header.revision)
  }

  async delete(key: string): Promise<bigint> {
    const answer = (await this.call('/v3/kv/deleterange', { key: toBase64(key) })) as Answer
    return BigInt(answer.header.revision)
  }

  /** The keys under `path`, with the leases they are under. */
  async keys(path: string): Promise<{ key: string; value: string; lease: string | undefined }[]> {
    const { key, rangeEnd } = keysUnder(path)
    const answer = (await this.call('/v3/kv/range', { key, range_end: rangeEnd })) as {
      kvs?: { key: string; value: string; lease?: string }[]
    }
    const text = (base64: string): string => Buffer.from(base64, 'base64').toString()
    return (answer.kvs ?? []).map((entry) => ({ key: text(entry.key), value: text(entry.value), lease: entry.lease }))
  }

  /** Writes one instance, and resolves with the revision. */
  add(service: string, init: ServiceInstanceInit): Promise<bigint> {
    const instance = parseInstance(init)
    return this.put(this.keyOf(service, instance.id), codecs[this.#codec].encode?.(instance, service) ?? '')
  }

  remove(service: string, id: string): Promise<bigint> {
    return this.delete(this.keyOf(service, id))
  }

  keyOf(service: string, id: string): string {
    return `${this.#prefix}${service}/${id}`
  }

  /** Writes instances of many services, in one transaction. */
  async putAll(entries: readonly (readonly [service: string, init: ServiceInstanceInit])[]): Promise<void> {
    await this.call('/v3/kv/txn', { success: entries.map(([service, init]) => this.#put(service, init)) })
  }

  #put(service: string, init: ServiceInstanceInit): object {
    const instance = parseInstance(init)
    const value = codecs[this.#codec].encode?.(instance, service) ?? ''
    return { request_put: { key: toBase64(this.keyOf(service, instance.id)), value: toBase64(value) } }
  }

  /** Makes `inits` the whole list, in one transaction. */
  async set(service: string, inits: readonly ServiceInstanceInit[]): Promise<void> {
    const instances = inits.map(parseInstance)
    const wanted = new Set(instances.map(({ id }) => this.keyOf(service, id)))
    const present = await this.keys(this.keyOf(service, ''))
    const puts = instances.map((instance) => this.#put(service, instance))
    const deletes = present
      .filter(({ key }) => !wanted.has(key))
      .map(({ key }) => ({ request_delete_range: { key: toBase64(key) } }))
    await this.call('/v3/kv/txn', { success: [...deletes, ...puts] })
  }

  /** Forgets the history before `revision`. */
  async compact(revision: bigint): Promise<void> {
    await this.call('/v3/kv/compaction', { revision: revision.toString(), physical: true })
  }

  /** Turns authentication on, with `root` and a user that may read and write `/microservices/`; both have the password `secret`. */
  async enableAuth(): Promise<void> {
    const { key, rangeEnd } = keysUnder('/microservices/')
    await this.call('/v3/auth/role/add', { name: 'root' })
    await this.call('/v3/auth/user/add', { name: 'root', password: 'secret' })
    await this.call('/v3/auth/user/grant', { user: 'root', role: 'root' })
    await this.call('/v3/auth/role/add', { name: 'services' })
    const perm = { permType: 'READWRITE', key, range_end: rangeEnd }
    await this.call('/v3/auth/role/grant', { name: 'services', perm })
    await this.call('/v3/auth/user/add', { name: 'reader', password: 'secret' })
    await this.call('/v3/auth/user/grant', { user: 'reader', role: 'services' })
    await this.call('/v3/auth/enable')
    await this.login()
  }

  /** As root. */
  async login(): Promise<void> {
    this.token = undefined
    const credentials = { name: 'root', password: 'secret' }
    this.token = ((await this.call('/v3/auth/authenticate', credentials)) as { token: string }).token
  }
}
