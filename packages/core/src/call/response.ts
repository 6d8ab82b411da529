import { rejectOption } from '../base/option-checks.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import { loadReportHeader } from '../load-report/load-report.ts'
import {
  type AttemptResult,
  type Classification,
  classifyError,
  classifyResponse,
  mayAskToWait,
} from '../retry/classification.ts'

/** A fetch Response, of whatever realm or polyfill. */
export function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === '[object Response]'
}

/** How an attempt ended that gave `response`. Headers that say nothing with its status are not read. */
export function responseClassification({ status, headers }: Response, withLoadReport: boolean): Classification {
  const asksToWait = mayAskToWait(status)
  return classifyResponse({
    statusCode: status,
    retryAfter: asksToWait ? (headers.get('retry-after') ?? undefined) : undefined,
    date: asksToWait ? (headers.get('date') ?? undefined) : undefined,
    loadReport: withLoadReport ? (headers.get(loadReportHeader) ?? undefined) : undefined,
  })
}

/** How an attempt ended that gave anything but a response or an error. */
const succeeded: Classification = Object.freeze({ ok: true, retry: 'never' })

/** How an attempt ended, by its caller's own `classify` if that says so. @throws InvalidOptionError; what `classify` throws */
export function classifiedBy<T>(
  classify: ((result: AttemptResult<T>, instance: ServiceInstance) => Classification | undefined) | undefined,
  result: AttemptResult<T>,
  instance: ServiceInstance,
  withLoadReport: boolean,
): Classification {
  const given = classify === undefined ? undefined : classify(result, instance)
  if (given !== undefined) return checkedClassification(given)
  if (!result.ok) return classifyError(result.error)
  const { value } = result
  return typeof value === 'object' && isResponse(value) ? responseClassification(value, withLoadReport) : succeeded
}

function checkedClassification(given: Classification): Classification {
  if (typeof given?.ok === 'boolean') return given
  return rejectOption('options.classify()', 'undefined or a Classification with ok (boolean)', given)
}
