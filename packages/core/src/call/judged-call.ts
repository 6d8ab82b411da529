import { rejectOption } from '../base/option-checks.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { ApplicationCallback } from '../observe/events.ts'
import { type AttemptResult, type Classification, classifyError } from '../retry/classification.ts'
import { isTimeout } from '../retry/error-verdict.ts'
import type { RetryPolicy } from '../retry/retry-policy.ts'
import type { CallTarget } from '../service/call-target.ts'
import type { Judged } from './attempt-outcome.ts'
import type { ExecuteOptions } from './execute-options.ts'
import { isResponse, responseClassification } from './response.ts'
import type { CallScope } from './scope.ts'
import { discardValue } from './unread-body.ts'

/** How an attempt ended that gave anything but a response or an error. */
const succeeded: Classification = Object.freeze({ ok: true, retry: 'never' })

/** A call as the judge of its attempts: what a result means, and whether it may be followed by another attempt. */
export abstract class JudgedCall<T> {
  abstract readonly target: CallTarget
  abstract readonly scope: CallScope
  abstract readonly policy: RetryPolicy
  protected abstract readonly options: ExecuteOptions<T>
  /** Ids of the instances that did not answer in time. */
  timedOut: ReadonlySet<string> | undefined

  classify(result: AttemptResult<T>, instance: ServiceInstance): Judged<T> {
    try {
      const classification = this.#classificationOf(result, instance)
      if (!result.ok && isTimeout(result.error)) this.timedOut = new Set(this.timedOut).add(instance.id)
      return { result, classification }
    } catch (error) {
      this.callbackFailed('classify', error)
      if (result.ok) this.discard(result.value)
      return { result: { ok: false, error }, classification: { ok: false, blame: 'none', retry: 'never' } }
    }
  }

  isRepeatable({ classification: { statusCode, retry } }: Judged<T>): boolean {
    const allowed = retry ?? (this.policy.statusCodes.has(statusCode ?? 0) ? 'idempotent' : 'never')
    return allowed === 'always' || (allowed === 'idempotent' && this.options.idempotent === true)
  }

  discard(value: T): void {
    discardValue(value, this.options.discard, (error) => this.callbackFailed('discard', error))
  }

  callbackFailed(callback: ApplicationCallback, error: unknown): void {
    this.target.events.callbackFailed(this.target.service, callback, error, this.scope.observed?.call)
  }

  /** By its caller's own `classify`, if that says so. @throws InvalidOptionError; what `classify` throws */
  #classificationOf(result: AttemptResult<T>, instance: ServiceInstance): Classification {
    const { classify } = this.options
    const given = classify === undefined ? undefined : classify(result, instance)
    if (given !== undefined) return checkedClassification(given)
    if (!result.ok) return classifyError(result.error)
    const { value } = result
    if (typeof value !== 'object' || !isResponse(value)) return succeeded
    return responseClassification(value, this.target.settings.loadReports !== undefined)
  }
}

function checkedClassification(given: Classification): Classification {
  if (typeof given?.ok === 'boolean') return given
  return rejectOption('options.classify()', 'undefined or a Classification with ok (boolean)', given)
}
