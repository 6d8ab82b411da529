import { loadBalance } from '@lb/axios'
import { LoadBalancer } from '@lb/core'
import { EtcdDiscovery, EtcdRegistrar } from '@lb/etcd'
import axios from 'axios'
import { connection } from './connection.ts'
import { Instance } from './instance.ts'

const service = 'example-user-service'

/** Scales a service up and down in the registry, and shows how calls follow. */
export async function demonstrate(): Promise<void> {
  const registrar = new EtcdRegistrar({ ...connection(), onError: (error) => console.error(error.message) })
  const lb = new LoadBalancer({ discovery: new EtcdDiscovery(connection()) })
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

    const third = await Instance.start(registrar, service, 'third', 2)
    await follows(lb, { first: 1, second: 3, third: 2 })
    console.log('And by another one, with twice the weight:')
    await showCalls(call)

    await second.stop()
    await third.stop()
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
    const known = instances.map(({ instance }) => instance)
    const wanted = Object.entries(weights)
    return (
      known.length === wanted.length &&
      wanted.every(([id, weight]) => known.some((one) => one.id === id && one.weight === weight))
    )
  }
  while (!isThere()) await listChanged(lb)
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

function listChanged(lb: LoadBalancer): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = lb.subscribe((event) => {
      if (event.type !== 'instances-changed') return
      unsubscribe()
      resolve()
    })
  })
}
