import { rejectOption } from '../base/option-checks.ts'

/** The header that says the class of a request to its receiver, unless an option gives it another name. */
export const criticalityHeader = 'x-lb-criticality'

/** Names of up to 64 characters (RFC 9110 section 5.6.2), as they are compared: in lower case. */
const fieldName = /^[\w!#$%&'*+.^`|~-]{1,64}$/
/** Fields that say where a message goes or ends, what it is, or from whom. */
const otherPurposes =
  /^(?:host|connection|keep-alive|proxy-.*|content-.*|transfer-encoding|te|trailer|upgrade|expect|via|forwarded|x-forwarded.*|authorization|cookie)$/i

/** The name of the header in lower case; `undefined` when none is sent. */
export function criticalityHeaderName(option: boolean | string | undefined): string | undefined {
  if (option === true) return criticalityHeader
  return typeof option === 'string' ? option.toLowerCase() : undefined
}

/** @throws InvalidOptionError unless `value` is absent, a boolean, or the name of a header that has no other purpose */
export function checkCriticalityHeader(path: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return
  const isName = typeof value === 'string' && fieldName.test(value) && !otherPurposes.test(value)
  if (isName) return
  rejectOption(
    path,
    'true, false, or the name of a header',
    value,
    `Give true for ${criticalityHeader}, or a name that has no other purpose`,
  )
}
