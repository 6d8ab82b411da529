import { labelText } from './domain-name.ts'
import { MessageReader, malformed } from './message-reader.ts'

/** Numbers of the types of records that are asked for or understood. Others are passed over. */
export const recordTypes: Readonly<Record<RecordType, number>> = Object.freeze({
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
})
export type RecordType = 'A' | 'NS' | 'CNAME' | 'SOA' | 'PTR' | 'TXT' | 'AAAA' | 'SRV'

interface RecordHead {
  /** Lower case, without a dot at its end. */
  readonly name: string
  readonly ttlSeconds: number
}
export interface AddressRecord extends RecordHead {
  readonly type: 'A' | 'AAAA'
  readonly address: string
}
export interface AliasRecord extends RecordHead {
  readonly type: 'CNAME'
  readonly target: string
}
export interface SrvRecord extends RecordHead {
  readonly type: 'SRV'
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** `""` is the root: the service is decidedly not available. */
  readonly target: string
}
export interface PointerRecord extends RecordHead {
  readonly type: 'PTR'
  readonly target: string
  /** The first label of the target as it is; of a PTR record of DNS-SD the name of an instance, in UTF-8. */
  readonly label: Buffer
}
export interface TextRecord extends RecordHead {
  readonly type: 'TXT'
  readonly strings: readonly Buffer[]
}
interface AuthorityRecord extends RecordHead {
  readonly type: 'SOA' | 'NS'
  /** Of a SOA: how long a negative answer holds (RFC 2308 section 4). */
  readonly minimumSeconds: number
}
export type DnsRecord = AddressRecord | AliasRecord | SrvRecord | PointerRecord | TextRecord | AuthorityRecord

export interface Question {
  /** Lower case, without a dot at its end. */
  readonly name: string
  readonly type: RecordType
}

/** The beginning of an answer: enough to know whether it is one, and to which question. */
export interface MessageHead {
  readonly id: number
  readonly isAnswer: boolean
  readonly authoritative: boolean
  readonly truncated: boolean
  /** Without the part in the OPT record. */
  readonly responseCode: number
  /** Absent when there is none, or when it is of another class. */
  readonly question?: { readonly name: string; readonly type: number }
}

export interface DnsMessage extends MessageHead {
  readonly answers: readonly DnsRecord[]
  readonly authorities: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
}

/** An answer with more records is refused; 64 KB hold about this many SRV records with their addresses. */
const maxRecords = 4_096

const internet = 1
const optType = 41

/** @throws DnsFailure MALFORMED */
export function decodeHead(bytes: Buffer): MessageHead {
  return readHead(new MessageReader(bytes)).head
}

/**
 * The whole message. Strict where it matters: what a record holds must fill its length exactly.
 *
 * @throws DnsFailure MALFORMED
 */
export function decodeMessage(bytes: Buffer): DnsMessage {
  const reader = new MessageReader(bytes)
  const { head, counts } = readHead(reader)
  const [answerCount, authorityCount, additionalCount] = counts
  if (answerCount + authorityCount + additionalCount > maxRecords) {
    throw malformed(`it announces more than ${maxRecords} records`)
  }
  const opt: { extendedCode: number } = { extendedCode: 0 }
  const answers = readRecords(reader, answerCount, opt)
  const authorities = readRecords(reader, authorityCount, opt)
  const additionals = readRecords(reader, additionalCount, opt)
  return { ...head, responseCode: opt.extendedCode * 16 + head.responseCode, answers, authorities, additionals }
}

type Counts = readonly [answers: number, authorities: number, additionals: number]

function readHead(reader: MessageReader): { head: MessageHead; counts: Counts } {
  const id = reader.uint16()
  const flags = reader.uint16()
  const questionCount = reader.uint16()
  const counts: Counts = [reader.uint16(), reader.uint16(), reader.uint16()]
  if (questionCount > 1) throw malformed('it has more than one question')
  const opcode = (flags >> 11) & 15
  const head = {
    id,
    isAnswer: flags >> 15 === 1 && opcode === 0,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    responseCode: flags & 15,
  }
  if (questionCount === 0) return { head, counts }
  const name = reader.name()
  const type = reader.uint16()
  return { head: reader.uint16() === internet ? { ...head, question: { name, type } } : head, counts }
}

function readRecords(reader: MessageReader, count: number, opt: { extendedCode: number }): DnsRecord[] {
  const records: DnsRecord[] = []
  for (let index = 0; index < count; index++) {
    const start = reader.offset
    reader.skipName()
    const type = reader.uint16()
    const recordClass = reader.uint16()
    const ttl = reader.uint32()
    const dataStart = reader.offset + 2
    const end = dataStart + reader.uint16()
    if (type === optType) opt.extendedCode = ttl >>> 24
    else if (recordClass === internet && isKnown(type)) {
      reader.moveTo(start)
      // RFC 2181 section 8: a time to live with the top bit set is 0.
      const head = { name: reader.name(), ttlSeconds: ttl > 0x7fff_ffff ? 0 : ttl }
      reader.moveTo(dataStart)
      records.push(readData(reader, type, head, end))
      if (reader.offset !== end) throw malformed('what a record holds does not fill its length')
    }
    reader.moveTo(end)
  }
  return records
}

const knownTypes: readonly number[] = Object.values(recordTypes)

function isKnown(type: number): boolean {
  return knownTypes.includes(type)
}

function readData(reader: MessageReader, type: number, head: RecordHead, end: number): DnsRecord {
  switch (type) {
    case recordTypes.A:
      return { ...head, type: 'A', address: reader.bytes(4).join('.') }
    case recordTypes.AAAA:
      return { ...head, type: 'AAAA', address: formatIPv6(reader.bytes(16)) }
    case recordTypes.CNAME:
      return { ...head, type: 'CNAME', target: reader.name() }
    case recordTypes.SRV: {
      const [priority, weight, port] = [reader.uint16(), reader.uint16(), reader.uint16()]
      return { ...head, type: 'SRV', priority, weight, port, target: reader.name() }
    }
    case recordTypes.PTR: {
      const labels = reader.labels()
      return { ...head, type: 'PTR', target: labels.map(labelText).join('.'), label: labels[0] ?? Buffer.alloc(0) }
    }
    case recordTypes.TXT:
      return { ...head, type: 'TXT', strings: readStrings(reader, end) }
    case recordTypes.SOA: {
      reader.skipName()
      reader.skipName()
      reader.bytes(16)
      return { ...head, type: 'SOA', minimumSeconds: reader.uint32() }
    }
    default:
      reader.skipName()
      return { ...head, type: 'NS', minimumSeconds: 0 }
  }
}

/** The strings of a TXT record, which ends at `end`. */
function readStrings(reader: MessageReader, end: number): Buffer[] {
  const strings: Buffer[] = []
  while (reader.offset < end) strings.push(reader.bytes(reader.uint8()))
  return strings
}

/** As RFC 5952 writes it: lower case, the longest run of zero groups left out. */
export function formatIPv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index))
  let [longestStart, longestLength] = [0, 1]
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > longestLength) [longestStart, longestLength] = [start, length]
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (longestLength < 2) return text(groups)
  return `${text(groups.slice(0, longestStart))}::${text(groups.slice(longestStart + longestLength))}`
}
