import type { Balancer } from '../balancer/balancer.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { WaitingCall } from './waiting-call.ts'

/** Waits, for a call that may end earlier. */
export type Preparation = (call: WaitingCall) => Promise<void>

/**
 * What a call waits for before its pick, as its balancer says. An application's may throw: that is emitted, and is no wait. `waiting` gets
 * the calls that wait.
 */
export function preparedBy(
  balancer: Balancer,
  { service, events }: { readonly service: string; readonly events: EventChannel },
  waiting: Set<WaitingCall>,
): Preparation | undefined {
  const failed = (error: unknown): void => events.callbackFailed(service, 'balancer.prepare', error)
  try {
    const prepared = balancer.prepare?.()?.catch(failed)
    return prepared && ((call) => whenPrepared(call, prepared, waiting))
  } catch (error) {
    failed(error)
    return undefined
  }
}

async function whenPrepared(call: WaitingCall, prepared: Promise<void>, waiting: Set<WaitingCall>): Promise<void> {
  waiting.add(call)
  try {
    await call.run<void>((resolve, reject) => void prepared.then(resolve, reject))
  } finally {
    waiting.delete(call)
  }
}
