// `@lb/undici/authoring`: what adapters that send over undici share. Nothing here imports undici: an adapter brings the one that it,
// or the application, has.

export { connectTimeoutMs } from './connect-timeout.ts'
export { isUnreadable } from './errors.ts'
export { drainLimit, drainTimeoutMs, HeldResponse, type ResponseSink } from './held-response.ts'
export { InstancePools } from './instance-pools.ts'
export { limitSilence } from './limit-silence.ts'
export { withoutContinue } from './without-continue.ts'
