import type { PickRequest } from '../balancer/balancer.ts'
import type { AttemptPickRequest } from '../service/picker.ts'

/** What an attempt says of its pick, with nothing in it that is not said. */
export function attemptPickRequest(
  { hashKey, avoid, match }: PickRequest,
  tried?: ReadonlySet<string>,
  timedOut?: ReadonlySet<string>,
): AttemptPickRequest {
  return {
    ...(hashKey === undefined ? undefined : { hashKey }),
    ...(avoid === undefined ? undefined : { avoid }),
    ...(match === undefined ? undefined : { match }),
    ...(tried === undefined ? undefined : { tried }),
    ...(timedOut === undefined ? undefined : { timedOut }),
  }
}
