import { setTimeout as delay } from 'node:timers/promises'
import { LoadBalancer, parseInstance, type ServiceDiscovery, type ServiceInstance, StaticDiscovery } from '@lb/core'

export interface ServicesSize {
  readonly services: number
  readonly instances: number
}

export interface ServicesCost extends ServicesSize {
  readonly setup: string
  /** From the construction to the last first list. */
  readonly readyMs: number
  /** The parsed instances alone, in arrays, in the heap. */
  readonly instancesMegabytes: number
  /** Everything else that the load balancer and its discovery keep in the heap. */
  readonly heapMegabytes: number
  /** Of one core, in percent, while nobody calls. */
  readonly idlePercent: number
  /** Heap that is still there after `close`. */
  readonly leftMegabytes: number
}

type Lists = Readonly<Record<string, readonly ServiceInstance[]>>

/** How the lists come: the load balancer is told of changes, or asks for them every 10 s. */
export const setups: Readonly<Record<string, (lists: Lists) => ServiceDiscovery>> = {
  watched: (lists) => new StaticDiscovery(lists),
  polled: (lists) => ({ getInstances: (service) => Promise.resolve(lists[service] ?? []) }),
}

function listsOf({ services, instances }: ServicesSize): Lists {
  const entries = Array.from({ length: services }, (_, service): [string, readonly ServiceInstance[]] => [
    `service-${service}`,
    Array.from({ length: instances }, (_, index) =>
      parseInstance({ host: `10.${service >> 8}.${service & 255}.${index}`, port: 8080 }),
    ),
  ])
  return Object.fromEntries(entries)
}

/** Everything is used once, so that what is made at the first use is there; then nobody calls for `seconds`. */
export async function measureServices(setup: string, size: ServicesSize, seconds: number): Promise<ServicesCost> {
  const emptyMegabytes = await heapMegabytes()
  const lists = listsOf(size)
  const names = Object.keys(lists)
  const listsMegabytes = await heapMegabytes()
  const startMs = performance.now()
  const discovery = setups[setup]?.(lists)
  if (discovery === undefined) throw new Error(`no setup ${setup}`)
  const lb = new LoadBalancer({ discovery, services: Object.fromEntries(names.map((name) => [name, {}])) })
  await Promise.all(names.map((name) => lb.ready(name)))
  const readyMs = performance.now() - startMs
  for (const name of names) await lb.execute(name, () => Promise.resolve())
  const fullMegabytes = await heapMegabytes()
  const idlePercent = await cpuPercent(seconds)
  await lb.close()
  const leftMegabytes = (await heapMegabytes()) - listsMegabytes
  return {
    setup,
    // The lists are still used here, so that none of them is collected before.
    services: Object.keys(lists).length,
    instances: size.instances,
    readyMs,
    instancesMegabytes: listsMegabytes - emptyMegabytes,
    heapMegabytes: fullMegabytes - listsMegabytes,
    idlePercent,
    leftMegabytes,
  }
}

/** What this process uses while it only waits. */
export async function cpuPercent(seconds: number): Promise<number> {
  const before = process.cpuUsage()
  const startMs = performance.now()
  await delay(seconds * 1_000)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 10 / (performance.now() - startMs)
}

async function heapMegabytes(): Promise<number> {
  // What ended must be out of the queues, and finalisers run between collections.
  for (let turn = 0; turn < 3; turn++) {
    await delay(10)
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed / 1e6
}
