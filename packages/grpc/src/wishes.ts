import type { TryAcquireRequest } from '@lb/core'
import { criticalityOf } from '@lb/core/authoring'
import type { Call } from './call.ts'
import type { GrpcCallInfo } from './call-info.ts'
import type { RegistrationSettings } from './options.ts'

/** What the options of the registration say of a call. */
export function wishesOf(
  settings: RegistrationSettings,
  service: string,
  { method, metadata }: Call,
): TryAcquireRequest {
  const { hashKey, match, criticality } = settings
  const info: GrpcCallInfo = { service, method, metadata }
  const worth = criticality === undefined ? undefined : criticalityOf(criticality, info)
  return { hashKey: hashKey?.(info), match: match?.(info), criticality: worth }
}
