import { fieldsOf } from '../../base/fields.ts'
import { type Complete, shown } from '../../base/option-checks.ts'
import type { HealthProbeResult } from './options.ts'

/** What one probe came to, with every field filled in. */
export type ProbeVerdict = Complete<HealthProbeResult>

const maxReasonLength = 200

/** The verdict that a probe's return value means. What is neither a boolean nor a result is a failure that says so. */
export function verdictOfResult(result: unknown): ProbeVerdict {
  if (typeof result === 'boolean') return verdict(result)
  const { healthy, reason, immediate } = fieldsOf(result)
  if (typeof healthy === 'boolean') {
    return verdict(healthy, typeof reason === 'string' ? reason : undefined, !healthy && immediate === true)
  }
  return verdict(false, `the probe gave ${shown(result)}, neither a boolean nor an object with a boolean healthy`)
}

/** The verdict when a probe threw `cause`, or rejected with it. */
export function verdictOfError(cause: unknown): ProbeVerdict {
  try {
    return verdict(false, messageOf(cause))
  } catch {
    // Whatever can be thrown may itself throw when it is looked at.
    return verdict(false)
  }
}

/** The verdict when a probe took too long. */
export function verdictOfTimeout(timeoutMs: number): ProbeVerdict {
  return verdict(false, `no answer within ${timeoutMs} ms`)
}

function verdict(healthy: boolean, reason = '', immediate = false): ProbeVerdict {
  return { healthy, reason: short(reason) || (healthy ? 'the probe passed' : 'the probe failed'), immediate }
}

function messageOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return String(cause)
  // Connecting to several addresses of one name gives an AggregateError without a message.
  const [first] = 'errors' in cause && Array.isArray(cause.errors) ? cause.errors : []
  return textOf(cause, 'message') || textOf(first, 'message') || textOf(cause, 'code')
}

function textOf(value: unknown, field: 'message' | 'code'): string {
  const text = fieldsOf(value)[field]
  return typeof text === 'string' ? text : ''
}

/** One line of bounded length: reasons end up in logs and in tables. */
function short(text: string): string {
  const line = text
    .slice(0, 2 * maxReasonLength)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return line.length > maxReasonLength ? `${line.slice(0, maxReasonLength - 1)}…` : line
}
