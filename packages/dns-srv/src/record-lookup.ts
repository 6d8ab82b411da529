import { domainNameProblem } from './domain-name.ts'
import { DnsFailure } from './errors.ts'
import type {
  AddressRecord,
  AliasRecord,
  DnsMessage,
  DnsRecord,
  PointerRecord,
  SrvRecord,
  TextRecord,
} from './message.ts'
import { malformed } from './message-reader.ts'
import type { QueryContext, Resolver } from './resolver.ts'
import { responseCodes } from './response-code.ts'

/** What is known of a name: records of a type, or that it has none. */
export type RecordsResult<T extends DnsRecord> = FoundRecords<T> | NotFound

interface FoundRecords<T extends DnsRecord> {
  readonly found: true
  readonly records: readonly T[]
  /** What the server sent along. */
  readonly additionals: readonly DnsRecord[]
  /** The smallest time to live of the records and of the aliases that led to them. */
  readonly ttlMs: number
}

export interface NotFound {
  readonly found: false
  /** How long that holds, by RFC 2308; absent when the server does not say. */
  readonly ttlMs?: number
}

interface RecordsByType {
  readonly A: AddressRecord
  readonly AAAA: AddressRecord
  readonly PTR: PointerRecord
  readonly SRV: SrvRecord
  readonly TXT: TextRecord
}
export type AskedType = keyof RecordsByType
export type RecordOf<T extends AskedType> = RecordsByType[T]

/** Whether the record is of `type`. */
export function isOfType<T extends AskedType>(record: DnsRecord, type: T): record is RecordOf<T> {
  return record.type === type
}

/** Longer chains of aliases are refused, and so are circles. */
const maxAliases = 8

/**
 * Records of `type` of `name`, through aliases, in as many questions as the servers make necessary.
 *
 * @throws DnsFailure when it cannot be known whether there are any
 */
export async function lookUp<T extends AskedType>(
  resolver: Resolver,
  name: string,
  type: T,
  context: QueryContext,
): Promise<RecordsResult<RecordOf<T>>> {
  let chain: AliasChain = { end: name, length: 0, ttlSeconds: Number.POSITIVE_INFINITY }
  for (;;) {
    const start = chain
    const step = await resolver.query({ name: start.end, type }, context, (message) => read(message, type, start))
    if ('found' in step) return step
    chain = step
  }
}

/** How far aliases have led from the name that was looked up. */
interface AliasChain {
  readonly end: string
  readonly length: number
  /** The smallest of the aliases. */
  readonly ttlSeconds: number
}

/** What the message says of the end of the chain; a longer chain when it says nothing but where that leads. */
function read<T extends AskedType>(
  message: DnsMessage,
  type: T,
  start: AliasChain,
): RecordsResult<RecordOf<T>> | AliasChain {
  const chain = follow(message, start)
  const ofType = message.answers.filter((record) => isOfType(record, type))
  const records = ofType.filter((record) => record.name === chain.end)
  const notFound = message.responseCode === responseCodes.NXDOMAIN
  if (records.length > 0 && !notFound) {
    const ttlSeconds = records.reduce((least, record) => Math.min(least, record.ttlSeconds), chain.ttlSeconds)
    return { found: true, records, additionals: message.additionals, ttlMs: ttlSeconds * 1_000 }
  }
  if (ofType.length > 0) throw malformed('it has records of another name')
  const negativeTtl = negativeTtlSeconds(message, chain.end)
  // An alias without more may lead out of what this server knows: its target is asked for.
  if (!notFound && negativeTtl === undefined && chain !== start) return chain
  if (negativeTtl === undefined) return { found: false }
  return { found: false, ttlMs: Math.min(negativeTtl, chain.ttlSeconds) * 1_000 }
}

function follow({ answers }: DnsMessage, start: AliasChain): AliasChain {
  let chain = start
  for (let alias = aliasOf(answers, chain.end); alias !== undefined; alias = aliasOf(answers, chain.end)) {
    const problem = domainNameProblem(alias.target)
    if (problem !== undefined) throw malformed(`the target of the alias ${alias.name} ${problem}`)
    if (chain.length === maxAliases) throw new DnsFailure('LIMIT', `more than ${maxAliases} aliases in a row`)
    chain = {
      end: alias.target,
      length: chain.length + 1,
      ttlSeconds: Math.min(chain.ttlSeconds, alias.ttlSeconds),
    }
  }
  return chain
}

/** A name has at most one alias. If a server sends more, the same is taken whatever their order. */
function aliasOf(answers: readonly DnsRecord[], name: string): AliasRecord | undefined {
  const aliases = answers.filter((record) => record.type === 'CNAME' && record.name === name) as AliasRecord[]
  return aliases.sort((left, right) => (left.target < right.target ? -1 : 1))[0]
}

/** RFC 2308 section 5: the smaller of the minimum and the time to live of the SOA of a zone that holds `name`. */
function negativeTtlSeconds({ authorities }: DnsMessage, name: string): number | undefined {
  let least: number | undefined
  for (const record of authorities) {
    if (record.type !== 'SOA' || !isWithin(name, record.name)) continue
    least = Math.min(least ?? Number.POSITIVE_INFINITY, record.ttlSeconds, record.minimumSeconds)
  }
  return least
}

function isWithin(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`)
}
