import type { Clock } from '@lb/core'
import { ByteCollector } from './byte-collector.ts'
import type { AnswerHead, Exchange } from './exchange.ts'
import { LineSplitter, LineTooLongError } from './line-splitter.ts'
import type { OpenCall } from './open-calls.ts'
import type { RegistryStream } from './registry-answer.ts'
import { RegistryError } from './registry-error.ts'
import { harmlessCause, reasonOf } from './server-failure.ts'

export interface BodyLimits {
  readonly maxAnswerBytes: number
  readonly timeoutMs: number
  readonly idleTimeoutMs: number | undefined
  readonly clock: Clock
}

/** The whole body as text. `subject` is what messages begin with. @throws RegistryError when it is too large, or what the exchange ends with */
export async function wholeText(
  exchange: Exchange,
  { headers }: AnswerHead,
  maxBytes: number,
  subject: string,
): Promise<string> {
  const tooLarge = (): RegistryError => {
    const error = new RegistryError(`${subject}: the answer has more than ${maxBytes} bytes`)
    exchange.end(error)
    return error
  }
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge()
  const body = new ByteCollector(maxBytes)
  for (let piece = await exchange.read(); piece !== undefined; piece = await exchange.read()) {
    if (!body.add(piece)) throw tooLarge()
  }
  // Leaves out a byte order mark, which JSON must not have.
  return new TextDecoder().decode(body.take())
}

/** An answer of which the head is there. Ends the call when its body does. */
export class AnswerStream implements RegistryStream {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly server: string
  readonly #exchange: Exchange
  readonly #call: OpenCall
  readonly #limits: BodyLimits
  readonly #subject: string
  #isTaken = false

  constructor(
    { exchange, head, call }: { exchange: Exchange; head: AnswerHead; call: OpenCall },
    { server, subject, limits }: { server: string; subject: string; limits: BodyLimits },
  ) {
    this.status = head.status
    this.headers = head.headers
    this.server = server
    this.#exchange = exchange
    this.#call = call
    this.#limits = limits
    this.#subject = subject
  }

  async *lines(): AsyncIterableIterator<string> {
    this.#takeOnce()
    const splitter = new LineSplitter(this.#limits.maxAnswerBytes)
    try {
      for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) {
        yield* this.#untilAborted(splitter.add(piece))
      }
      yield* this.#untilAborted(splitter.end())
    } catch (cause) {
      throw this.#errorFor(cause)
    } finally {
      this.#end()
    }
  }

  async text(): Promise<string> {
    this.#takeOnce()
    const { clock, maxAnswerBytes, timeoutMs } = this.#limits
    const cancelTimer = clock.setTimeout(
      () => this.#exchange.end(new Error(`the answer was not complete within ${timeoutMs} ms`)),
      timeoutMs,
      { background: true },
    )
    try {
      return await wholeText(this.#exchange, this, maxAnswerBytes, this.#subject)
    } catch (cause) {
      throw this.#errorFor(cause)
    } finally {
      cancelTimer()
      this.#end()
    }
  }

  #takeOnce(): void {
    if (this.#isTaken) throw new RegistryError(`${this.#subject}: the answer was read already`)
    this.#isTaken = true
  }

  async #next(): Promise<Buffer | undefined> {
    const { clock, idleTimeoutMs } = this.#limits
    if (idleTimeoutMs === undefined) return this.#exchange.read()
    const expire = (): void => this.#exchange.end(new Error(`nothing came for ${idleTimeoutMs} ms`))
    const cancelTimer = clock.setTimeout(expire, idleTimeoutMs, { background: true })
    try {
      return await this.#exchange.read()
    } finally {
      cancelTimer()
    }
  }

  /** What came in one piece with the abort is not handed out after it. */
  *#untilAborted(lines: Iterable<string>): Generator<string> {
    for (const line of lines) {
      this.#call.signal.throwIfAborted()
      yield line
    }
  }

  #errorFor(cause: unknown): unknown {
    if (this.#call.signal.aborted) return this.#call.signal.reason
    if (cause instanceof RegistryError) return cause
    const what = cause instanceof LineTooLongError ? cause.message : `the answer broke off: ${reasonOf(cause)}`
    return new RegistryError(`${this.#subject}: ${what}`, { cause: harmlessCause(cause) })
  }

  #end(): void {
    this.#exchange.end(new RegistryError(`${this.#subject}: the answer was left`))
    this.#call.end()
  }
}
