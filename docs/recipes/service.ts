// What every recipe uses: a service with two instances on this machine, one of which dies in the middle.
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'

const script = { headers: { 'content-type': 'application/json' }, body: '{"data":{"name":"Ada"},"name":"Ada"}' }
const instances = await Promise.all(['first', 'second'].map((id) => LoopbackBackend.start({ id, script })))

export const lb: LoadBalancer = new LoadBalancer({
  discovery: new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) }),
})

/** Makes six calls, lets an instance die, and makes six more; prints how many succeeded, and ends. */
export async function twelveCalls(call: () => Promise<unknown>): Promise<void> {
  let succeeded = 0
  for (let number = 0; number < 12; number++) {
    if (number === 6) await instances[0]?.stop()
    await call().then(
      () => succeeded++,
      (error) => console.error(error),
    )
  }
  console.log(`${succeeded} of 12 calls succeeded`)
  await lb.close()
  await Promise.all(instances.map((instance) => instance.stop()))
}
