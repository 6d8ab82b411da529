// #region recipe
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { LoadBalancer, RoundRobinBalancer, SharedCounter, StaticDiscovery } from '@lb/core'

const addresses = ['10.0.1.12:8080', '10.0.1.13:8080', '10.0.1.14:8080']

if (isMainThread) {
  const { buffer } = new SharedCounter()
  const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url), { workerData: buffer }))
  await summary(workers)
} else {
  const counter = new SharedCounter(workerData)
  const lb = new LoadBalancer({
    discovery: new StaticDiscovery({ 'user-service': addresses }),
    balancer: () => new RoundRobinBalancer({ counter }),
  })
  await pickInTurn(lb)
}
// #endregion recipe

/** In a worker: picks three thousand times. */
async function pickInTurn(lb: LoadBalancer): Promise<void> {
  await lb.ready('user-service')
  const picks = Array.from({ length: 3_000 }, () => lb.pick('user-service').host)
  parentPort?.postMessage(picks)
  await lb.close()
}

/** In the main thread: shows how often each instance was picked. */
async function summary(workers: readonly Worker[]): Promise<void> {
  const picks = await Promise.all(
    workers.map((worker) => new Promise<string[]>((resolve) => worker.once('message', resolve))),
  )
  for (const address of addresses) {
    const host = address.split(':')[0]
    console.log(`${host}: ${picks.flat().filter((pick) => pick === host).length} of ${picks.flat().length}`)
  }
}
