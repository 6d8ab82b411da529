import type {
  AttemptInfo,
  AttemptObservation,
  CallInfo,
  CallObservation,
  CallObserver,
  CallResult,
  Outcome,
} from '@lb/core'
import { authorityOf, errorJson } from '@lb/core/authoring'
import type { AttemptStory } from '../api.ts'
import { boundedJson } from '../bounded-json.ts'
import type { ServiceTraffic, TrafficBook } from '../traffic/traffic-book.ts'
import type { TrafficRing } from '../traffic/traffic-ring.ts'
import type { CallLog } from './call-log.ts'

/** How many attempts are in the story of a call. */
const maxAttempts = 20

/** Where recordings go. */
export interface Records {
  readonly traffic: TrafficBook
  readonly calls: CallLog
  /** Whether a service of this name is there: what names a caller makes up must fill no memory. */
  readonly isKnown: (service: string) => boolean
}

/** Records every call: what went through, and the story of those that fail. */
export class CallRecorder implements CallObserver {
  readonly #records: Records

  constructor(records: Records) {
    this.#records = records
  }

  startCall(info: CallInfo): CallObservation {
    return new CallRecording(this.#records, info)
  }
}

class CallRecording implements CallObservation {
  readonly #records: Records
  readonly #info: CallInfo
  readonly #startedMs: number
  readonly #attempts: AttemptRecording[] = []
  #traffic: ServiceTraffic | undefined

  constructor(records: Records, info: CallInfo) {
    this.#records = records
    this.#info = info
    this.#startedMs = records.traffic.nowMs
  }

  startAttempt(info: AttemptInfo): AttemptObservation {
    const { traffic } = this.#records
    this.#traffic ??= traffic.service(this.#info.service)
    const attempt = new AttemptRecording(traffic, this.#traffic, info)
    if (this.#attempts.length < maxAttempts) this.#attempts.push(attempt)
    return attempt
  }

  end(result: CallResult): void {
    const { traffic, calls, isKnown } = this.#records
    const { service, call, idempotent } = this.#info
    const failed = result.result === 'failed' || result.result === 'refused'
    if (this.#traffic === undefined && isKnown(service)) this.#traffic = traffic.service(service)
    const { nowMs } = traffic
    // One that was never sent says nothing of how long calls take.
    this.#traffic?.calls.record(nowMs, this.#attempts.length === 0 ? undefined : result.durationMs, failed)
    if (!failed) return
    const { statusCode, error, durationMs, queuedMs, attempts, retries, hedges } = result
    calls.keep({
      call,
      service,
      result: result.result,
      atMs: nowMs,
      durationMs,
      queuedMs,
      attempts,
      retries,
      hedges,
      ...end(statusCode, error),
      idempotent,
      story: this.#attempts.map((each) => each.story(this.#startedMs)),
    })
  }
}

class AttemptRecording implements AttemptObservation {
  readonly #book: TrafficBook
  readonly #traffic: ServiceTraffic
  /** From its start: its end may come after all else of an instance that is gone. */
  readonly #ofInstance: TrafficRing | undefined
  readonly #info: AttemptInfo
  readonly #startedMs: number
  #outcome: Outcome | undefined

  constructor(book: TrafficBook, traffic: ServiceTraffic, info: AttemptInfo) {
    this.#book = book
    this.#traffic = traffic
    this.#info = info
    this.#startedMs = book.nowMs
    this.#ofInstance = traffic.instance(info.instance.id, this.#startedMs)
  }

  end(outcome: Outcome): void {
    this.#outcome = outcome
    const { nowMs } = this.#book
    const failed = !outcome.ok && outcome.cancelled !== true
    this.#traffic.attempts.record(nowMs, outcome.latencyMs, failed)
    this.#ofInstance?.record(nowMs, outcome.latencyMs, failed)
  }

  story(callStartedMs: number): AttemptStory {
    const { number, kind, instance } = this.#info
    const outcome = this.#outcome
    return {
      number,
      kind,
      instance: instance.id,
      address: authorityOf(instance.host, instance.port),
      startedMs: this.#startedMs - callStartedMs,
      ...(outcome === undefined
        ? { outcome: 'unfinished' }
        : { latencyMs: outcome.latencyMs, outcome: nameOf(outcome), ...end(outcome.statusCode, outcome.error) }),
    }
  }
}

function nameOf({ ok, cancelled }: Outcome): AttemptStory['outcome'] {
  if (ok) return 'ok'
  return cancelled === true ? 'cancelled' : 'failed'
}

/** Texts of others: of bounded size. */
function end(statusCode: number | undefined, error: unknown): Pick<AttemptStory, 'statusCode' | 'error'> {
  return {
    ...(statusCode === undefined ? undefined : { statusCode }),
    ...(error === undefined ? undefined : { error: boundedJson(errorJson(error)) as AttemptStory['error'] }),
  }
}
