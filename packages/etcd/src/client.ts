import { oneLine } from '@lb/core/authoring'
import { type RegistryAnswer, RegistryClient, RegistryError } from '@lb/registry-http'
import { AuthToken } from './auth-token.ts'
import { EtcdError, grpcCodes, isTokenRejected } from './errors.ts'
import { type KeyRange, toBase64 } from './key-range.ts'
import {
  type EtcdFailure,
  MalformedMessage,
  parseJson,
  type RangeAnswer,
  readFailure,
  readLease,
  readRangeAnswer,
  readRevision,
  readToken,
} from './messages.ts'
import type { EtcdConnectionOptions } from './options.ts'

/** Short requests share a few connections; the watch has one of its own. */
const maxConnections = 8

export interface EtcdCallOptions {
  readonly signal?: AbortSignal
  /** Asks this endpoint only. */
  readonly server?: string
  /** Only a watch or a renewal waits: the answer does not keep the process alive. */
  readonly background?: boolean
}

/** The calls of etcd's v3 JSON gateway that discovery and registration need, with renewal of the token. */
export class EtcdClient {
  readonly #owner: string
  readonly #calls: RegistryClient
  readonly #streams: RegistryClient
  readonly #token: AuthToken | undefined

  /** @throws InvalidOptionError */
  constructor(owner: string, options: EtcdConnectionOptions) {
    const { endpoints = ['http://127.0.0.1:2379'], tls, timeoutMs, clock, random, username, password } = options
    const client = {
      owner,
      servers: endpoints,
      ...(tls !== undefined && { tls }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(clock !== undefined && { clock }),
      ...(random !== undefined && { random }),
    }
    this.#owner = owner
    this.#calls = new RegistryClient({ ...client, maxConnections })
    this.#streams = new RegistryClient(client)
    if (username !== undefined) this.#token = new AuthToken(() => this.#authenticate({ name: username, password }))
  }

  /** All keys of `range`, as a quorum has them. `server` is the one that answered. */
  range(range: KeyRange, options: EtcdCallOptions): Promise<RangeAnswer & { readonly server: string }> {
    return this.#range({ key: range.key, range_end: range.rangeEnd }, options)
  }

  /** How many keys `range` has, and of them only the one written last, without its value. */
  newest(range: KeyRange, options: EtcdCallOptions): Promise<RangeAnswer & { readonly server: string }> {
    const newestOnly = { limit: '1', keys_only: true, sort_order: 'DESCEND', sort_target: 'MOD' }
    return this.#range({ key: range.key, range_end: range.rangeEnd, ...newestOnly }, options)
  }

  async #range(body: object, options: EtcdCallOptions): Promise<RangeAnswer & { readonly server: string }> {
    return this.#call('/v3/kv/range', body, options, (value, { server }) => ({ ...readRangeAnswer(value), server }))
  }

  /** Resolves with the revision at which `key` was written. */
  put(key: string, value: string, lease: string, options: EtcdCallOptions): Promise<bigint> {
    return this.#call('/v3/kv/put', { key: toBase64(key), value: toBase64(value), lease }, options, readRevision)
  }

  /** Resolves with what was granted: etcd raises a time to live that is shorter than an election may take. */
  grant(ttlSeconds: number, options: EtcdCallOptions): Promise<{ readonly id: string; readonly ttlSeconds: number }> {
    return this.#call('/v3/lease/grant', { TTL: String(ttlSeconds), ID: '0' }, options, (value) => {
      const lease = readLease(value)
      if (lease.ttlSeconds < 1 || lease.id === '0') throw new MalformedMessage('ID or TTL is missing')
      return lease
    })
  }

  /** Resolves with the seconds that the lease has from now on; 0 when it is gone. */
  async keepAlive(lease: string, options: EtcdCallOptions): Promise<number> {
    const seconds = await this.#unlessGone(
      this.#call('/v3/lease/keepalive', { ID: lease }, options, (value) => {
        const { result } = value as { result?: unknown }
        return readLease(result).ttlSeconds
      }),
    )
    return Math.max(0, seconds ?? 0)
  }

  /** Removes the lease with its keys; also fine when it is gone. */
  async revoke(lease: string, options: EtcdCallOptions): Promise<void> {
    await this.#unlessGone(this.#call('/v3/lease/revoke', { ID: lease }, options, () => undefined))
  }

  /**
   * One stream that watches all of `ranges`. Messages with `created` come in the order of `ranges`. It ends when its member has no
   * leader, instead of being silent.
   */
  async watch(
    server: string,
    ranges: readonly { readonly range: KeyRange; readonly startRevision: bigint }[],
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<string>> {
    const requests = ranges.map(({ range, startRevision }) => ({
      create_request: {
        key: range.key,
        range_end: range.rangeEnd,
        start_revision: startRevision.toString(),
        progress_notify: true,
      },
    }))
    const stream = await this.#streams.stream({
      method: 'POST',
      path: '/v3/watch',
      // The gateway reads one request after the other.
      body: requests.map((request) => JSON.stringify(request)).join('\n'),
      headers: { ...(await this.#headers()), 'content-type': 'application/json', 'grpc-metadata-hasleader': 'true' },
      signal,
      server,
      background: true,
    })
    if (stream.status !== 200) throw this.#refused(stream, '/v3/watch', failureIn(await stream.text()))
    return stream.lines()
  }

  /** The next call asks for another token. */
  async renewToken(): Promise<void> {
    await this.#token?.get().then(
      (token) => this.#token?.reject(token),
      () => undefined,
    )
  }

  /** The error for a message that says that a watch failed. */
  watchError(server: string, { code, message }: EtcdFailure): EtcdError {
    return new EtcdError(`${this.#owner}: the watch on ${server} was ended: ${oneLine(message)}`, code)
  }

  async close(): Promise<void> {
    await Promise.all([this.#calls.close(), this.#streams.close()])
  }

  async #call<T>(
    path: string,
    body: object,
    options: EtcdCallOptions,
    read: (value: unknown, answer: RegistryAnswer) => T,
  ): Promise<T> {
    const headers = await this.#headers()
    let answer = await this.#post(path, body, options, headers)
    const failure = answer.status === 200 ? undefined : failureIn(answer.text)
    if (headers !== undefined && failure !== undefined && isTokenRejected(failure)) {
      await this.#token?.reject(headers.authorization)
      answer = await this.#post(path, body, options, await this.#headers())
    }
    if (answer.status !== 200) throw this.#refused(answer, path, failureIn(answer.text))
    return this.#read(path, answer, read)
  }

  #post(
    path: string,
    body: object,
    options: EtcdCallOptions,
    headers?: Readonly<Record<string, string>>,
  ): Promise<RegistryAnswer> {
    return this.#calls.request({ method: 'POST', path, body, ...options, ...(headers && { headers }) })
  }

  #read<T>(path: string, answer: RegistryAnswer, read: (value: unknown, answer: RegistryAnswer) => T): T {
    try {
      return read(parseJson(answer.text), answer)
    } catch (cause) {
      if (!(cause instanceof MalformedMessage)) throw cause
      throw new RegistryError(`${this.#owner}: ${answer.server}${path}: the answer is malformed: ${cause.message}`)
    }
  }

  async #headers(): Promise<{ readonly authorization: string } | undefined> {
    return this.#token === undefined ? undefined : { authorization: await this.#token.get() }
  }

  async #authenticate(credentials: object): Promise<string> {
    const path = '/v3/auth/authenticate'
    const answer = await this.#post(path, credentials, {})
    if (answer.status !== 200) throw this.#refused(answer, path, failureIn(answer.text))
    return this.#read(path, answer, readToken)
  }

  #refused(
    answer: { readonly status: number; readonly server: string; readonly headers: ReadonlyMap<string, string> },
    path: string,
    failure: EtcdFailure | undefined,
  ): RegistryError {
    const reason = failure === undefined ? undefined : oneLine(failure.message)
    const error = this.#calls.error(answer, path, reason)
    if (failure === undefined) return error
    const { status, retryAfterMs } = error
    return new EtcdError(error.message, failure.code, {
      ...(status !== undefined && { status }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }

  async #unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer
    } catch (cause) {
      if (cause instanceof EtcdError && cause.grpcCode === grpcCodes.notFound) return undefined
      throw cause
    }
  }
}

function failureIn(text: string): EtcdFailure | undefined {
  try {
    return readFailure(parseJson(text))
  } catch {
    return undefined
  }
}
