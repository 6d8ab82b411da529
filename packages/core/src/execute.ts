import type { Outcome, PickRequest } from './balancer/balancer.ts'
import type { CallScope } from './call-scope.ts'
import type { CancelTimer } from './clock.ts'
import { DeadlineExceededError } from './errors.ts'
import type { ServiceInstance } from './instance.ts'
import { rejectOption } from './options.ts'
import type { PickResult } from './pick-result.ts'
import { fullJitterBackoffMs } from './retry/backoff.ts'
import { type AttemptResult, type Classification, classifyError, classifyStatus } from './retry/classification.ts'
import { type RetryOptions, type RetryPolicy, retryPolicy } from './retry/retry-policy.ts'
import type { ServiceBalancer } from './service-balancer.ts'

/** What an attempt may know of the call it belongs to. */
export interface AttemptContext {
  /** 1 for the first attempt. */
  readonly number: number
  /** Aborted when the caller aborts, the deadline passes or the attempt takes too long. Pass it to the transport. */
  readonly signal: AbortSignal
  /** Instances tried before, in order. */
  readonly previous: readonly ServiceInstance[]
  /** Milliseconds since the call began. */
  readonly elapsedMs: number
  /**
   * Counts the request in flight, and passes the caller's abort on, until `ended` settles: for a response whose body is
   * still being read when the attempt resolves. A rejection counts as the instance's failure.
   */
  readonly until: (ended: PromiseLike<unknown>) => void
}

export interface ExecuteOptions<T = unknown> extends PickRequest {
  /** Ends the call with the signal's reason. */
  readonly signal?: AbortSignal
  /** Time limit of the call with all its attempts, in milliseconds. Default: the service's `timeoutMs`. */
  readonly timeoutMs?: number
  /** No retry starts later than this many milliseconds after the call began. Default: `timeoutMs`. */
  readonly retryWithinMs?: number
  /**
   * Whether doing it twice has the effect of doing it once. Default false: it is repeated only when it provably never
   * reached an instance.
   */
  readonly idempotent?: boolean
  /** Overrides the service's, field by field. The budget is always the service's. */
  readonly retry?: Omit<RetryOptions, 'budget'> | false
  /**
   * Says how an attempt ended; `undefined` leaves it to the default: a fetch `Response` by its status, any other value
   * as success, an error by its code.
   */
  readonly classify?: (result: AttemptResult<T>) => Classification | undefined
  /** Called with a value that is given up for a retry, to free what it holds. A fetch `Response` needs none. */
  readonly discard?: (value: T) => void
}

export type AttemptFunction<T> = (instance: ServiceInstance, context: AttemptContext) => Promise<T> | T

/** Picks, runs, classifies and maybe retries on an instance not tried yet, all within `scope` and the retry budget. */
export async function execute<T>(
  target: ServiceBalancer,
  attempt: AttemptFunction<T>,
  options: ExecuteOptions<T>,
  scope: CallScope,
): Promise<T> {
  const policy = retryPolicy(options.retry, target.settings.retry)
  const previous: ServiceInstance[] = []
  const tried = new Set<string>()
  target.budget?.deposit()
  for (let number = 1; ; number++) {
    const picked = target.acquire(pickRequest(options.hashKey, toAvoid(target, options.avoid, tried)))
    const { instance } = picked
    const run = new Attempt(number, [...previous], scope)
    const { result, classification, outcome } = await runAttempt(target, attempt, options, policy, instance, run, scope)
    const delayMs = retryDelayMs(target, options, policy, classification, number, scope, instance)
    if (delayMs === undefined && result.ok && run.ended !== undefined) {
      holdUntil(run.ended, run, picked, outcome, scope)
    } else {
      picked.done(outcome)
    }
    if (delayMs === undefined) {
      if (result.ok) return result.value
      throw result.error
    }
    if (result.ok) discard(result.value, options.discard)
    if (target.events.active) {
      const error = result.ok ? `status ${classification.statusCode}` : result.error
      target.events.emit({ type: 'retry', service: target.service, instance, number, error, delayMs })
    }
    await backOff(target, scope, delayMs)
    previous.push(instance)
    tried.add(instance.id)
  }
}

class Attempt implements AttemptContext {
  readonly number: number
  readonly previous: readonly ServiceInstance[]
  readonly #scope: CallScope
  #controller: AbortController | undefined
  #ended: PromiseLike<unknown> | undefined
  #aborted = false

  constructor(number: number, previous: readonly ServiceInstance[], scope: CallScope) {
    this.number = number
    this.previous = previous
    this.#scope = scope
  }

  // Made only for attempts that ask for it: a controller costs more than a pick.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  get elapsedMs(): number {
    return this.#scope.elapsedMs
  }

  get ended(): PromiseLike<unknown> | undefined {
    return this.#ended
  }

  // A property, as it may be taken out of the context.
  readonly until = (ended: PromiseLike<unknown>): void => {
    this.#ended = ended
    // The attempt may be given up before anybody waits for it.
    ended.then(undefined, () => {})
  }

  get aborted(): boolean {
    return this.#aborted
  }

  readonly abort = (reason: unknown): void => {
    this.#aborted = true
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }
}

interface Settled<T> {
  readonly result: AttemptResult<T>
  readonly classification: Classification
  readonly outcome: Outcome
}

/** Runs one attempt to its end, whatever that is. Never rejects. */
async function runAttempt<T>(
  target: ServiceBalancer,
  attempt: AttemptFunction<T>,
  options: ExecuteOptions<T>,
  policy: RetryPolicy,
  instance: ServiceInstance,
  run: Attempt,
  scope: CallScope,
): Promise<Settled<T>> {
  const { clock } = target
  const startedAt = clock.now()
  let result: AttemptResult<T>
  try {
    result = {
      ok: true,
      value: await start(target, attempt, policy.attemptTimeoutMs, instance, run, scope, options.discard),
    }
  } catch (error) {
    result = { ok: false, error }
  }
  const latencyMs = clock.now() - startedAt
  let classification: Classification = { ok: false, retry: 'never' }
  try {
    classification = checkedClassification(options.classify?.(result)) ?? classifyResult(result)
  } catch (error) {
    result = { ok: false, error }
  }
  const { ok, statusCode } = classification
  const outcome: Outcome = {
    ok,
    latencyMs,
    ...(statusCode === undefined ? undefined : { statusCode }),
    ...(result.ok ? undefined : { error: result.error }),
  }
  return { result, classification, outcome }
}

/** Reports the request done when `ended` settles; until then the caller's abort still reaches it. */
function holdUntil(
  ended: PromiseLike<unknown>,
  run: Attempt,
  picked: PickResult,
  outcome: Outcome,
  scope: CallScope,
): void {
  scope.keepSignal(run.abort)
  ended.then(
    () => {
      picked.done(outcome)
      scope.release()
    },
    (error: unknown) => {
      picked.done({ ...outcome, ok: false, error })
      scope.release()
    },
  )
}

function start<T>(
  target: ServiceBalancer,
  attempt: AttemptFunction<T>,
  attemptTimeoutMs: number,
  instance: ServiceInstance,
  run: Attempt,
  scope: CallScope,
  given: ((value: T) => void) | undefined,
): Promise<T> {
  let cancelTimer: CancelTimer | undefined
  const promise = scope.run<T>((resolve, reject) => {
    if (attemptTimeoutMs !== Number.POSITIVE_INFINITY) {
      const { service } = target
      cancelTimer = target.clock.setTimeout(() => {
        const message = `${service}: the attempt on ${instance.id} took longer than ${attemptTimeoutMs} ms`
        const error = new DeadlineExceededError(message, { service })
        run.abort(error)
        reject(error)
      }, attemptTimeoutMs)
    }
    // The executor of a promise turns a synchronous throw into a rejection.
    Promise.resolve(attempt(instance, run)).then((value) => {
      // Nobody waits any more for an attempt that did not heed its signal.
      if (run.aborted) discard(value, given)
      else resolve(value)
    }, reject)
  }, run.abort)
  return cancelTimer === undefined ? promise : promise.finally(cancelTimer)
}

function checkedClassification(given: Classification | undefined): Classification | undefined {
  if (given === undefined || typeof given?.ok === 'boolean') return given
  return rejectOption('options.classify()', 'undefined or a Classification with ok (boolean)', given)
}

function classifyResult<T>(result: AttemptResult<T>): Classification {
  if (!result.ok) return classifyError(result.error)
  return isResponse(result.value) ? classifyStatus(result.value.status) : { ok: true, retry: 'never' }
}

/** How long to wait before the next attempt; `undefined` when there is to be none. */
function retryDelayMs<T>(
  target: ServiceBalancer,
  options: ExecuteOptions<T>,
  policy: RetryPolicy,
  { statusCode, retry = policy.statusCodes.has(statusCode ?? 0) ? 'idempotent' : 'never' }: Classification,
  number: number,
  scope: CallScope,
  instance: ServiceInstance,
): number | undefined {
  if (scope.ended || target.closed || number > policy.maxRetries || retry === 'never') return undefined
  if (retry === 'idempotent' && options.idempotent !== true) return undefined
  const delayMs = fullJitterBackoffMs(number, policy.backoffBaseMs, policy.backoffMaxMs, target.random)
  const latestMs = Math.min(scope.deadlineMs, scope.startedAtMs + (options.retryWithinMs ?? Number.POSITIVE_INFINITY))
  if (target.clock.now() + delayMs >= latestMs) return undefined
  // Charged before the wait: retries that are waiting must count against those that would join them.
  if (target.budget !== undefined && !target.budget.tryWithdraw()) {
    target.events.emit({ type: 'retry-budget-exhausted', service: target.service, instance })
    return undefined
  }
  return delayMs
}

async function backOff(target: ServiceBalancer, scope: CallScope, delayMs: number): Promise<void> {
  target.waiting.add(scope)
  try {
    await scope.sleep(delayMs)
  } finally {
    target.waiting.delete(scope)
  }
}

/** What was tried, and what the caller avoids: the latter gives way first when nobody else is left. */
function toAvoid(
  target: ServiceBalancer,
  avoid: ReadonlySet<string> | undefined,
  tried: ReadonlySet<string>,
): ReadonlySet<string> | undefined {
  if (tried.size === 0 || avoid === undefined) return tried.size === 0 ? avoid : tried
  const both = new Set([...tried, ...avoid])
  return target.hasCandidateBeyond(both) ? both : tried
}

function pickRequest(hashKey: string | undefined, avoid: ReadonlySet<string> | undefined): PickRequest | undefined {
  if (hashKey === undefined) return avoid === undefined ? undefined : { avoid }
  return avoid === undefined ? { hashKey } : { hashKey, avoid }
}

function discard<T>(value: T, given: ((value: T) => void) | undefined): void {
  if (given !== undefined) given(value)
  // An unread body would keep its connection.
  else if (isResponse(value)) value.body?.cancel().catch(() => {})
}

/** A fetch Response, of whatever realm or polyfill. */
function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === '[object Response]'
}
