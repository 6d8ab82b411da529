import type { Criticality } from '@lb/core'
import { isCriticality, rejectOption } from '@lb/core/authoring'
import type { GrpcCallInfo, RegisterLoadBalancerOptions } from './options.ts'

/** What a call is worth. `undefined`: as much as one that says nothing. */
export type CriticalityOf = (call: GrpcCallInfo) => Criticality | undefined

/** A key whose values are texts. */
const textKey = /^(?!.*-bin$)[\w.-]+$/i

/** Gives no class that is none, whatever the metadata or the function of the application say. @throws InvalidOptionError */
export function criticalityOf(
  path: string,
  option: RegisterLoadBalancerOptions['criticality'],
): CriticalityOf | undefined {
  if (option === undefined) return undefined
  if (typeof option === 'function') return (call) => classOf(option(call))
  // One that is a class was meant for all calls.
  if (typeof option !== 'string' || !textKey.test(option) || isCriticality(option)) {
    rejectOption(path, 'a function, or a key of metadata such as "x-lb-criticality", not of binary values', option)
  }
  return ({ metadata }) => classOf(metadata.get(option)[0])
}

function classOf(value: unknown): Criticality | undefined {
  return isCriticality(value) ? value : undefined
}
