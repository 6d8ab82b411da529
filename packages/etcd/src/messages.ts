import { fromBase64 } from './key-range.ts'

/**
 * What the gateway of etcd answers, read field by field. It leaves out what is zero, writes 64-bit numbers as texts, and bytes
 * as base64. All readers throw a `MalformedMessage` for what cannot be one of its answers.
 */

/** One key as it is in etcd. */
export interface KeyValue {
  readonly key: string
  readonly value: string
  /** The revision of the store at which it was written last. */
  readonly modRevision: bigint
}

export interface RangeAnswer {
  /** The revision of the store that was read. */
  readonly revision: bigint
  readonly entries: readonly KeyValue[]
  /** How many keys there are, also when not all were asked for. */
  readonly count: bigint
}

export interface WatchEvent extends KeyValue {
  readonly deleted: boolean
}

export interface WatchMessage {
  readonly watchId: string
  readonly created: boolean
  readonly canceled: boolean
  /** The watch began at a revision that is no longer kept. */
  readonly compacted: boolean
  readonly cancelReason: string
  /** The revision of the store when it was sent. Some cancellations have none. */
  readonly revision: bigint | undefined
  /** None: what it says is how far the watch has come. */
  readonly events: readonly WatchEvent[]
}

/** What etcd says instead of an answer: the code is that of gRPC. */
export interface EtcdFailure {
  readonly code: number
  readonly message: string
}

export class MalformedMessage extends Error {}

type Fields = Readonly<Record<string, unknown>>

export function readRangeAnswer(value: unknown): RangeAnswer {
  const answer = fields(value, 'the answer')
  const entries = list(answer.kvs, 'kvs').map(readKeyValue)
  const count = int64(answer.count, 'count')
  // With a limit there are more keys than entries.
  if (BigInt(entries.length) !== count && answer.more !== true) throw new MalformedMessage('kvs and count differ')
  return { revision: readRevision(answer), entries, count }
}

/** The revision of the store that an answer of any call carries. */
export function readRevision(value: unknown): bigint {
  const revision = int64(fields(fields(value, 'the answer').header, 'header').revision, 'revision')
  if (revision < 1n) throw new MalformedMessage('revision is missing')
  return revision
}

/** `id` stays a text: ids are larger than numbers are exact. */
export function readLease(value: unknown): { readonly id: string; readonly ttlSeconds: number } {
  const answer = fields(value, 'the answer')
  return { id: int64(answer.ID, 'ID').toString(), ttlSeconds: Number(int64(answer.TTL, 'TTL')) }
}

export function readToken(value: unknown): string {
  const { token } = fields(value, 'the answer')
  // It becomes a header.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw new MalformedMessage('token is missing')
  return token
}

/** One line of a watch. An error that ends the watch is given as such. */
export function readWatchMessage(line: string): WatchMessage | EtcdFailure {
  const message = fields(parseJson(line), 'the message')
  if (message.error !== undefined) return readFailure(message.error) ?? { code: 2, message: 'an unknown error' }
  const result = fields(message.result, 'result')
  const header = fields(result.header, 'header')
  return {
    watchId: int64(result.watch_id, 'watch_id').toString(),
    created: result.created === true,
    canceled: result.canceled === true,
    compacted: int64(result.compact_revision, 'compact_revision') !== 0n,
    cancelReason: typeof result.cancel_reason === 'string' ? result.cancel_reason : '',
    revision: header.revision === undefined ? undefined : int64(header.revision, 'revision'),
    events: list(result.events, 'events').map(readEvent),
  }
}

/**
 * Up to 3.5 in streams `{ grpc_code, message }`, up to 3.4 in answers `{ error, message, code }`, later `{ code, message }`.
 * `undefined`: it is something else, such as the page of a proxy.
 */
export function readFailure(value: unknown): EtcdFailure | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { grpc_code: grpcCode, code = grpcCode, error, message = error } = value as Fields
  return typeof code === 'number' && typeof message === 'string' ? { code, message } : undefined
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new MalformedMessage('it is not JSON')
  }
}

function readEvent(value: unknown): WatchEvent {
  const { type, kv } = fields(value, 'an event')
  if (type !== undefined && type !== 'PUT' && type !== 'DELETE')
    throw new MalformedMessage('type of an event is unknown')
  return { ...readKeyValue(kv), deleted: type === 'DELETE' }
}

function readKeyValue(value: unknown): KeyValue {
  const entry = fields(value, 'an entry')
  const key = bytes(entry.key, 'key')
  if (key === '') throw new MalformedMessage('key is missing')
  return { key, value: bytes(entry.value, 'value'), modRevision: int64(entry.mod_revision, 'mod_revision') }
}

function fields(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MalformedMessage(`${name} is no object`)
  return value as Fields
}

function list(value: unknown, name: string): readonly unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new MalformedMessage(`${name} is no list`)
  return value
}

function bytes(value: unknown, name: string): string {
  if (value === undefined) return ''
  // A decoder passes over what is no base64, and a key would be another one.
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    throw new MalformedMessage(`${name} is no base64`)
  return fromBase64(value)
}

/** Digits, 64 bits of them; as a number only where that is exact. */
function int64(value: unknown, name: string): bigint {
  if (value === undefined) return 0n
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return BigInt(value)
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw new MalformedMessage(`${name} is no 64-bit number`)
}
