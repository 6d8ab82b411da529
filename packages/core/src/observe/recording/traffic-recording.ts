import { type Clock, systemClock } from '../../base/clock.ts'
import { hasMethod, rejectOption } from '../../base/option-checks.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { Outcome } from '../../instance/outcome.ts'
import type { AttemptInfo, CallInfo, CallObservation, CallObserver, CallResult } from '../call-observer.ts'
import type { LoadBalancerEvent, LoadBalancerListener } from '../events.ts'
import type { ServiceSnapshot } from '../snapshot.ts'
import { LineBuffer } from './line-buffer.ts'
import {
  instanceFields,
  lineOf,
  type RecordedAttemptLine,
  RecordedEnds,
  recordingHeader,
  roundedMs,
} from './recording-line.ts'
import { checkRecordingOptions, type TrafficRecordingOptions } from './recording-options.ts'

/** What a recording asks of a load balancer. */
export interface RecordedLoadBalancer {
  /** The current state of every service. */
  inspect(): readonly ServiceSnapshot[]
  /** Calls `listener` with events of these types. */
  subscribe(listener: LoadBalancerListener, types: readonly LoadBalancerEvent['type'][]): () => void
  /** Calls `observer` at the begin of each call. */
  observe(observer: CallObserver): () => void
}

/** A recording under way: an iterable of text, whole lines each time, for one reader. It ends when the reader stops. */
export interface TrafficRecording extends AsyncIterable<string, undefined> {
  /** Ends the recording; the reader still gets what waits for it. Calls in flight are left out. */
  stop(): void
}

/**
 * Records the calls of a load balancer as lines of JSON, for `simulate` of `@lb/testing`: when calls came, where their attempts went, how
 * long these took and how they ended, and how the lists of instances changed. No URL, header, body, hash key or message of an error is
 * recorded, and of metadata only what `metadata` names. The format is in the documentation.
 *
 * The recording begins at once, and ends after `maxMs`, at `maxBytes`, with `stop()`, with its reader, or with the load balancer.
 *
 *     await writeFile('traffic.jsonl', recordTraffic(lb))
 *
 * @throws InvalidOptionError
 */
export function recordTraffic(lb: RecordedLoadBalancer, options: TrafficRecordingOptions = {}): TrafficRecording {
  for (const method of ['inspect', 'subscribe', 'observe']) {
    if (!hasMethod(lb, method)) rejectOption('lb', 'a LoadBalancer', lb)
  }
  checkRecordingOptions(options)
  return new LoadBalancerRecording(lb, options)
}

const types = ['instances-changed', 'closed'] as const satisfies readonly LoadBalancerEvent['type'][]

/** Why a recording ended. */
type RecordingEnd = 'time' | 'bytes' | 'stopped' | 'closed'

/** Room for the last lines. */
const endBytes = 256
/** No reader takes more attempts of one call. */
const mostAttempts = 1_000

class LoadBalancerRecording implements TrafficRecording, CallObserver {
  readonly #clock: Clock
  readonly #startMs: number
  readonly #services: ReadonlySet<string> | undefined
  readonly #maxBytes: number
  readonly #maxBufferedBytes: number
  /** With the lists that change, without which what follows would mean nothing. The reader that has not come for more comes no more. */
  #mostBufferedBytes = Number.POSITIVE_INFINITY
  readonly #metadata: readonly string[]
  readonly #lines: LineBuffer
  readonly #ends = new RecordedEnds()
  readonly #serviceNumbers = new Map<string, number>()
  readonly #instanceNumbers = new WeakMap<ServiceInstance, number>()
  #stops: readonly (() => void)[] = []
  #instances = 0
  #bytes = 0
  #lost = 0
  #ended = false

  constructor(lb: RecordedLoadBalancer, options: TrafficRecordingOptions) {
    const { clock = systemClock, maxMs = 3_600_000, maxBytes = 67_108_864, maxBufferedBytes = 1_048_576 } = options
    this.#clock = clock
    this.#startMs = clock.now()
    this.#services = options.services && new Set(options.services)
    this.#maxBytes = maxBytes
    this.#maxBufferedBytes = maxBufferedBytes
    this.#metadata = [...(options.metadata ?? [])]
    this.#lines = new LineBuffer(clock, () => this.stop())
    this.#write(recordingHeader)
    for (const { service, instances } of lb.inspect()) {
      const listed = instances.filter(({ state }) => state !== 'draining').map(({ instance }) => instance)
      this.#listChanged(service, listed, [], this.#startMs)
    }
    this.#mostBufferedBytes = this.#lines.bytes + 4 * maxBufferedBytes
    this.#stops = [
      clock.setTimeout(() => this.#end('time'), maxMs, { background: true }),
      lb.subscribe((event) => this.#receive(event), types),
      lb.observe(this),
    ]
    if (this.#ended) this.#stopAll()
  }

  stop(): void {
    this.#end('stopped')
  }

  [Symbol.asyncIterator](): AsyncIterator<string, undefined> {
    return this.#lines
  }

  startCall({ service, idempotent }: CallInfo): CallObservation | undefined {
    if (!this.#wants(service)) return undefined
    const startMs = this.#clock.now()
    const attempts: RecordedAttemptLine[] = []
    return {
      startAttempt: ({ instance }: AttemptInfo) => {
        const attemptMs = this.#clock.now()
        return {
          run: (attempt) => attempt(),
          end: (outcome: Outcome) => {
            if (attempts.length < mostAttempts)
              attempts.push(this.#attemptOf(service, instance, attemptMs, attemptMs - startMs, outcome))
          },
        }
      },
      end: (result) => this.#callEnded(service, { startMs, idempotent, attempts, result }),
    }
  }

  #receive(event: LoadBalancerEvent): void {
    if (event.type === 'closed') this.#end('closed')
    else if (event.type === 'instances-changed') {
      const { added, removed, service, updated } = event
      // One that was updated is another one with the same id.
      this.#listChanged(
        service,
        [...added, ...updated],
        [...removed, ...updated].map(({ id }) => id),
      )
    }
  }

  #wants(service: string): boolean {
    return !this.#ended && (this.#services?.has(service) ?? true)
  }

  #listChanged(
    service: string,
    added: readonly ServiceInstance[],
    removed: readonly string[],
    atMs: number = this.#clock.now(),
  ): void {
    if (!this.#wants(service) || added.length + removed.length === 0) return
    if (this.#lines.bytes > this.#mostBufferedBytes) {
      this.#end('bytes')
      return
    }
    const at = this.#elapsed(atMs)
    const number = this.#serviceNumber(service)
    const numbers = added.map((instance) => this.#instanceNumber(service, instance))
    this.#write({
      at,
      service: number,
      ...(removed.length === 0 ? undefined : { removed }),
      ...(numbers.length === 0 ? undefined : { added: numbers }),
    })
  }

  #attemptOf(
    service: string,
    instance: ServiceInstance,
    beganMs: number,
    afterMs: number,
    outcome: Outcome,
  ): RecordedAttemptLine {
    const ms = roundedMs(outcome.latencyMs)
    const inFlightMs = roundedMs(this.#clock.now() - beganMs)
    const at = roundedMs(afterMs)
    return {
      on: this.#instanceNumber(service, instance),
      ...(at === 0 ? undefined : { at }),
      ms,
      // Two readings of the clock differ by microseconds.
      ...(inFlightMs - ms < 0.1 ? undefined : { inFlightMs }),
      ...this.#ends.ofAttempt(outcome),
    }
  }

  #callEnded(
    service: string,
    call: {
      readonly startMs: number
      readonly idempotent: boolean
      readonly attempts: readonly RecordedAttemptLine[]
      readonly result: CallResult
    },
  ): void {
    if (this.#ended) return
    const { attempts, idempotent, result, startMs } = call
    if (this.#lines.bytes > this.#maxBufferedBytes) {
      this.#lost++
      return
    }
    this.#writeLost()
    this.#write({
      call: this.#elapsed(startMs),
      service: this.#serviceNumber(service),
      ms: roundedMs(result.durationMs),
      ...this.#ends.ofCall(result),
      ...(idempotent ? undefined : { idempotent }),
      attempts,
    })
  }

  #serviceNumber(service: string): number {
    const known = this.#serviceNumbers.get(service)
    if (known !== undefined) return known
    const number = this.#serviceNumbers.size
    this.#serviceNumbers.set(service, number)
    this.#write({ service: number, name: service })
    return number
  }

  #instanceNumber(service: string, instance: ServiceInstance): number {
    const known = this.#instanceNumbers.get(instance)
    if (known !== undefined) return known
    const number = this.#instances++
    this.#instanceNumbers.set(instance, number)
    this.#write({
      instance: number,
      service: this.#serviceNumber(service),
      ...instanceFields(instance, this.#metadata),
    })
    return number
  }

  #writeLost(): void {
    if (this.#lost === 0) return
    const lost = this.#lost
    this.#lost = 0
    this.#write({ at: this.#elapsed(this.#clock.now()), lost })
  }

  #write(value: object): void {
    if (this.#ended) return
    const line = lineOf(value)
    if (this.#bytes + line.length + endBytes > this.#maxBytes) {
      this.#end('bytes')
      return
    }
    this.#bytes += line.length
    this.#lines.add(line)
  }

  #elapsed(atMs: number): number {
    return roundedMs(atMs - this.#startMs)
  }

  #end(reason: RecordingEnd): void {
    if (this.#ended) return
    const at = this.#elapsed(this.#clock.now())
    this.#ended = true
    this.#lines.add(lineOf({ at, end: reason, ...(this.#lost === 0 ? undefined : { lost: this.#lost }) }))
    this.#lines.end()
    this.#stopAll()
  }

  #stopAll(): void {
    for (const stop of this.#stops) stop()
  }
}
