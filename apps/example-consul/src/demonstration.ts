import { loadBalance } from '@lb/axios'
import { ConsulDiscovery, ConsulRegistrar } from '@lb/consul'
import { LoadBalancer, type LoadBalancerEvent } from '@lb/core'
import axios from 'axios'
import { Instance } from './instance.ts'

const service = 'example-user-service'

/** Scales a service up and down in the registry, and shows how calls follow. The agent is that of `CONSUL_HTTP_ADDR`. */
export async function demonstrate(): Promise<void> {
  const registrar = new ConsulRegistrar({ check: { ttlMs: 10_000 } })
  // A service that is configured is watched also while it has no instances.
  const lb = new LoadBalancer({ discovery: new ConsulDiscovery(), services: { [service]: {} } })
  const client = loadBalance(axios.create({ timeout: 2_000 }), lb)
  const call = async (): Promise<string> => String((await client.get(`http://${service}/`)).data)
  try {
    const first = await Instance.start(registrar, service, 'first', 1)
    await follows(lb, { first: 1 })
    console.log('One instance is registered:')
    await showCalls(call)

    const second = await Instance.start(registrar, service, 'second', 3)
    await follows(lb, { first: 1, second: 3 })
    console.log('Scaled up, by one with three times the weight:')
    await showCalls(call)

    await first.registration.maintenance(true, 'an example')
    await follows(lb, { first: 0, second: 3 })
    console.log('The first one is in maintenance:')
    await showCalls(call)

    await first.registration.maintenance(false)
    await follows(lb, { first: 1, second: 3 })
    console.log('And back:')
    await showCalls(call)

    await second.stop()
    await follows(lb, { first: 1 })
    console.log('Scaled down:')
    await showCalls(call)
    await first.stop()
  } finally {
    await lb.close()
    await registrar.close()
  }
}

/** Resolves when the load balancer knows these instances, by their weights. */
async function follows(lb: LoadBalancer, weights: Readonly<Record<string, number>>): Promise<void> {
  await lb.ready(service)
  const isThere = (): boolean => {
    const { instances } = lb.inspect(service)
    const known = instances.map(({ instance }) => [instance.id.split(':').at(-1), instance.weight] as const)
    const wanted = Object.entries(weights)
    return (
      known.length === wanted.length &&
      wanted.every(([id, weight]) => known.some((one) => one[0] === id && one[1] === weight))
    )
  }
  while (!isThere()) await told(lb, 'instances-changed')
}

/** Which instances serve twelve calls. */
async function showCalls(call: () => Promise<string>): Promise<void> {
  const counts = new Map<string, number>()
  for (let number = 0; number < 12; number++) {
    const id = await call()
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const served = [...counts].map(([id, count]) => `${id}: ${count} calls`).sort()
  console.log(`  ${served.join(', ')}`)
}

/** The next event of a type. */
function told(lb: LoadBalancer, type: LoadBalancerEvent['type']): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = lb.subscribe((event) => {
      if (event.type !== type) return
      unsubscribe()
      resolve()
    })
  })
}
