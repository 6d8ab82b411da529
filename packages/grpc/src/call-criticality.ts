import { type CriticalityRule, isCriticality, rejectOption } from '@lb/core/authoring'
import type { GrpcCallInfo } from './call-info.ts'

/** A key of metadata whose values are texts. */
const textKey = /^(?!.*-bin$)[\w.-]+$/i

/** @throws InvalidOptionError */
export function criticalityRule(
  path: string,
  option: Exclude<CriticalityRule<GrpcCallInfo>, string> | string | undefined,
): CriticalityRule<GrpcCallInfo> | undefined {
  if (option === undefined || typeof option === 'function' || isCriticality(option)) return option
  if (typeof option !== 'string' || !textKey.test(option)) {
    const legal = 'one of critical, default, sheddable, a function, or a key of metadata such as "x-lb-criticality"'
    rejectOption(path, legal, option)
  }
  return ({ metadata }) => {
    const [value] = metadata.get(option)
    return isCriticality(value) ? value : undefined
  }
}
