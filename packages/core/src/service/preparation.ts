import type { Balancer } from '../balancer/balancer.ts'
import type { EventChannel } from '../observe/event-channel.ts'

/** What a call waits for before its pick, as its balancer says. An application's may throw: that is emitted, and is no wait. */
export function preparedBy(
  balancer: Balancer,
  { service, events }: { readonly service: string; readonly events: EventChannel },
): Promise<void> | undefined {
  if (balancer.prepare === undefined) return undefined
  const failed = (error: unknown): void => events.callbackFailed(service, 'balancer.prepare', error)
  try {
    return balancer.prepare()?.catch(failed)
  } catch (error) {
    failed(error)
    return undefined
  }
}
