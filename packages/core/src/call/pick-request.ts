import type { PickRequest } from '../balancer/balancer.ts'
import type { AttemptPickRequest } from '../service/picker.ts'

/** What an attempt says of its pick, with nothing in it that is not said. `undefined`: nothing. */
export function attemptPickRequest(
  { hashKey, avoid, match }: PickRequest,
  tried: ReadonlySet<string> | undefined,
  timedOut: ReadonlySet<string> | undefined,
): AttemptPickRequest | undefined {
  if (tried === undefined && hashKey === undefined && avoid === undefined && match === undefined) return undefined
  return {
    ...(hashKey === undefined ? undefined : { hashKey }),
    ...(avoid === undefined ? undefined : { avoid }),
    ...(match === undefined ? undefined : { match }),
    ...(tried === undefined ? undefined : { tried }),
    ...(timedOut === undefined ? undefined : { timedOut }),
  }
}
