import type { LoadBalancer } from '@lb/core'
import { countCalls } from './instances.ts'

/** Prints which instances of `user-service` serve twelve calls, now and after its list has changed. */
export async function follow(lb: LoadBalancer): Promise<void> {
  const call = (): Promise<string> =>
    lb.execute('user-service', async ({ host, port }) => (await fetch(`http://${host}:${port}/`)).text(), {
      idempotent: true,
    })
  await lb.ready('user-service')
  // The timers of a load balancer keep no process alive.
  const alive = setInterval(() => {}, 1_000)
  const changed = new Promise<void>((resolve) => lb.subscribe(() => resolve(), ['instances-changed']))
  console.log(await countCalls(12, call))
  await changed
  clearInterval(alive)
  console.log(await countCalls(12, call))
  await lb.close()
}
