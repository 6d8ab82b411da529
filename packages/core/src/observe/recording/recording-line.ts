import type { ServiceInstance } from '../../instance/instance.ts'
import type { Outcome } from '../../instance/outcome.ts'
import { failureKind } from '../../retry/failure-kind.ts'
import type { CallResult } from '../call-observer.ts'
import { ErrorTypes, errorTypeOf, knownStatus } from '../metrics/error-types.ts'

/** The first line of a recording. */
export const recordingHeader = { recording: 'lb-traffic', version: 1 } as const

/** How something ended, without texts that may hold anything: a status, and the code or the name of an error. */
interface RecordedEnd {
  readonly ok?: boolean | undefined
  readonly status?: number | undefined
  readonly error?: string | undefined
  readonly blame?: 'none' | undefined
}

/** One attempt of a call, as it is written. */
export interface RecordedAttemptLine extends RecordedEnd {
  /** Milliseconds from the begin of the call; absent: 0. */
  readonly at?: number | undefined
  /** The number of the instance. */
  readonly on: number
  /** Milliseconds to its result, for a response to its head. */
  readonly ms: number
  /** Milliseconds until nothing of it was in flight; absent: as `ms`. */
  readonly inFlightMs?: number | undefined
}

/** JSON in ASCII, so that each character is one byte, and no encoding can damage it. */
export function lineOf(value: object): string {
  const escaped = JSON.stringify(value).replaceAll(/[^\0-~]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return `${escaped}\n`
}

/** Milliseconds with three decimals: microseconds. */
export function roundedMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}

/** What is written of an instance: metadata only of these keys. */
export function instanceFields(instance: ServiceInstance, metadata: readonly string[]): object {
  const { id, host, port, weight, priority, zone, secure } = instance
  const recorded = metadata.filter((key) => Object.hasOwn(instance.metadata, key))
  return {
    id,
    host,
    port,
    ...(weight === 1 ? undefined : { weight }),
    ...(priority === 0 ? undefined : { priority }),
    ...(zone === undefined ? undefined : { zone }),
    ...(secure ? { secure } : undefined),
    ...(instance.healthy === undefined ? undefined : { healthy: instance.healthy }),
    ...(recorded.length === 0
      ? undefined
      : { metadata: Object.fromEntries(recorded.map((key) => [key, instance.metadata[key]])) }),
  }
}

/** How ends are written. Errors beyond 50 types are all `_OTHER`. */
export class RecordedEnds {
  readonly #errors = new ErrorTypes()

  ofAttempt(outcome: Outcome): RecordedEnd {
    const { cancelled, error, ok, statusCode } = outcome
    if (cancelled === true) return { error: 'cancelled' }
    const status = knownStatus(statusCode)
    const blame = !ok && failureKind(outcome) === undefined ? ({ blame: 'none' } as const) : undefined
    if (status !== undefined && (status >= 400 || ok)) {
      return { ...(ok === status < 500 ? undefined : { ok }), status, ...blame }
    }
    if (ok) return {}
    return { error: this.#errors.bounded(errorTypeOf({ failed: true, error })), ...blame }
  }

  ofCall({ error, result, statusCode }: CallResult): { result?: string; error?: string | undefined } {
    if (result === 'ok') return {}
    if (result === 'cancelled') return { result }
    return { result, error: this.#errors.bounded(errorTypeOf({ failed: true, statusCode, error })) }
  }
}
