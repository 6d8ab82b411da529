// `@lb/undici/authoring`: what adapters that send over undici share. Nothing here imports undici: an adapter brings the one that it,
// or the application, has.

export type { Arrivals } from './arrivals.ts'
export { missesNoBody } from './bodiless.ts'
export { connectTimeoutMs } from './connect-timeout.ts'
export { guardConnection } from './connection-guard.ts'
export { limitWaiting } from './connection-wait.ts'
export { isUnreadable } from './errors.ts'
export { drainLimit, drainTimeoutMs, HeldResponse } from './held-response.ts'
export { InstancePools } from './instance-pools.ts'
export {
  announcedMarginMs,
  checkPoolOptions,
  longestIdleMs,
  type PoolOptions,
  type PoolSettings,
  poolSettings,
  unannouncedIdleMs,
} from './pool-options.ts'
export type { ResponseSink } from './response-sink.ts'
