import { parentPort, workerData } from 'node:worker_threads'
import { RoundRobinBalancer } from '../src/balancer/round-robin.ts'
import { SharedCounter } from '../src/balancer/shared-counter.ts'
import { parseInstance } from '../src/instance/instance.ts'

/** What a worker is told. `gate` holds one integer, 0 until all workers are there. */
export interface RoundRobinWork {
  readonly buffer: SharedArrayBuffer
  readonly gate: SharedArrayBuffer
  readonly instances: number
  readonly picks: number
}

const { buffer, gate, instances, picks } = workerData as RoundRobinWork
const balancer = new RoundRobinBalancer({ counter: new SharedCounter(buffer) })
balancer.update(Array.from({ length: instances }, (_, index) => parseInstance(`10.0.0.${index}:80`)))

parentPort?.postMessage('ready')
if (Atomics.wait(new Int32Array(gate), 0, 0, 10_000) === 'timed-out') throw new Error('the other workers did not come')

const counts: Record<string, number> = {}
for (let pick = 0; pick < picks; pick++) {
  const id = balancer.pick()?.id ?? 'nobody'
  counts[id] = (counts[id] ?? 0) + 1
}
parentPort?.postMessage(counts)
