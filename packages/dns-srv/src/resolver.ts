import { randomInt } from 'node:crypto'
import type { Clock } from '@lb/core'
import { DnsFailure } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { type DnsMessage, decodeHead, decodeMessage, type Question, recordTypes } from './message.ts'
import { formatNameServer, type NameServer } from './name-server.ts'
import { encodeQuery } from './query-message.ts'
import { QuerySlots } from './query-slots.ts'
import { responseCodeName, responseCodes } from './response-code.ts'
import { ServerOrder } from './server-order.ts'
import { exchangeOverTcp } from './tcp-exchange.ts'
import { exchangeOverUdp } from './udp-exchange.ts'

export interface ResolverOptions {
  readonly clock: Clock
  readonly overUdp?: Transport
  readonly overTcp?: Transport
}

/** Sends a query and gives its answer. */
export type Transport = (exchange: Exchange) => Promise<Buffer>

/** Which servers are asked, and how. */
export interface ServerSettings {
  readonly servers: readonly NameServer[]
  /** For one answer of one server. */
  readonly timeoutMs: number
  /** How often every server is asked. */
  readonly tries: number
  /** Over TCP from the start. */
  readonly onlyTcp: boolean
  /** Each question begins with another server. */
  readonly rotate: boolean
}

/** How a question is asked. */
export interface QueryContext extends ServerSettings {
  readonly signal: AbortSignal
  /** Only a watch waits for the answer, so it does not keep the process alive. */
  readonly background: boolean
}

/** Each query has a socket of its own, and many systems allow 1 024 open files. */
const maxOpenQueries = 64

/** Asks servers one question, over UDP and, when the answer does not fit, over TCP. */
export class Resolver {
  readonly #options: ResolverOptions
  readonly #order: ServerOrder
  readonly #slots = new QuerySlots(maxOpenQueries)

  constructor(options: ResolverOptions) {
    this.#options = options
    this.#order = new ServerOrder(options.clock)
  }

  /**
   * What `read` makes of the first answer that says whether the name has records (NOERROR or NXDOMAIN). Every server is
   * asked in turn, all of them `tries` times. When `read` throws a DnsFailure, that is a failure of the server.
   *
   * @throws DnsFailure with what each server did, when none gave such an answer; the reason of the signal when aborted
   */
  async query<T>(question: Question, context: QueryContext, read: (message: DnsMessage) => T): Promise<T> {
    const failures: string[] = []
    let last = new DnsFailure('NO_SERVER', 'no name server is configured')
    for (let round = 0; round < context.tries; round++) {
      for (const server of this.#order.sort(context.servers, context.rotate)) {
        try {
          const result = read(await this.#slots.run(context.signal, () => this.#ask(server, question, context)))
          this.#order.answered(server)
          return result
        } catch (cause) {
          context.signal.throwIfAborted()
          if (!(cause instanceof DnsFailure)) throw cause
          this.#order.failed(server)
          last = cause
          failures.push(`${formatNameServer(server)}: ${cause.message}`)
        }
      }
    }
    if (failures.length === 0) throw last
    const text = [...new Set(failures)].join('; ')
    throw new DnsFailure(last.code, `${question.name} ${question.type}: ${text}`, { cause: last })
  }

  async #ask(server: NameServer, question: Question, context: QueryContext): Promise<DnsMessage> {
    const message = await this.#askOnce(server, question, context, true)
    const answer = mayNotKnowEdns(message) ? await this.#askOnce(server, question, context, false) : message
    if (answer.responseCode !== responseCodes.NOERROR && answer.responseCode !== responseCodes.NXDOMAIN) {
      const code = responseCodeName(answer.responseCode)
      throw new DnsFailure(code, code)
    }
    if (isReferral(answer)) throw new DnsFailure('REFERRAL', 'it refers to other servers and does not ask them itself')
    return answer
  }

  async #askOnce(server: NameServer, question: Question, context: QueryContext, edns: boolean): Promise<DnsMessage> {
    const { overUdp = exchangeOverUdp, overTcp = exchangeOverTcp } = this.#options
    if (context.onlyTcp) return decodeMessage(await this.#exchange(overTcp, server, question, context, edns))
    const datagram = await this.#exchange(overUdp, server, question, context, edns)
    // What is in a truncated answer is not used: servers cut wherever they like.
    if (!decodeHead(datagram).truncated) return decodeMessage(datagram)
    return decodeMessage(await this.#exchange(overTcp, server, question, context, edns))
  }

  #exchange(
    transport: Transport,
    server: NameServer,
    question: Question,
    { signal, background, timeoutMs }: QueryContext,
    edns: boolean,
  ): Promise<Buffer> {
    const { clock } = this.#options
    // From node:crypto, like the port: see udp-exchange.ts.
    const id = randomInt(0x1_0000)
    return transport({
      server,
      query: encodeQuery(id, question, edns),
      accepts: (message) => isAnswerTo(message, id, question),
      clock,
      timeoutMs,
      signal,
      background,
    })
  }
}

/** RFC 6891 section 7 has FORMERR, NOTIMP and BADVERS; of older servers and of middleboxes, others are known. */
const failuresByEdns: ReadonlySet<number> = new Set([
  responseCodes.FORMERR,
  responseCodes.SERVFAIL,
  responseCodes.NOTIMP,
  responseCodes.REFUSED,
  responseCodes.BADVERS,
])

function mayNotKnowEdns({ responseCode }: Pick<DnsMessage, 'responseCode'>): boolean {
  return failuresByEdns.has(responseCode)
}

function isAnswerTo(bytes: Buffer, id: number, question: Question): boolean {
  try {
    const head = decodeHead(bytes)
    if (!head.isAnswer || head.id !== id) return false
    // A server that cannot read a query cannot repeat its question. Nothing but the failure is taken from it.
    if (head.question === undefined) return mayNotKnowEdns(head)
    return head.question.name === question.name && head.question.type === recordTypes[question.type]
  } catch {
    return false
  }
}

// RFC 2308 section 2.2: without an answer and a SOA, but with servers to ask, it is no answer to the question.
function isReferral({ responseCode, authoritative, answers, authorities }: DnsMessage): boolean {
  return (
    responseCode === responseCodes.NOERROR &&
    !authoritative &&
    answers.length === 0 &&
    authorities.some(({ type }) => type === 'NS') &&
    !authorities.some(({ type }) => type === 'SOA')
  )
}
