import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type BalancerName, LoadBalancer, StaticDiscovery } from '@lb/core'
import { Agent, BalancedPool, request } from 'undici'
import { quantile, requestsPerSecond, type TailResult } from './load.ts'

/** Sends one request; resolves when its body was read. */
type Send = () => Promise<void>

interface Contender {
  readonly name: string
  readonly send: Send
  readonly slowShare: () => number | undefined
  readonly close: () => Promise<void>
}

/** Real servers in another process, real sockets, requests at a fixed rate however long the answers take. */
export async function realTail(balancers: readonly BalancerName[], seconds: number): Promise<TailResult[]> {
  const results: TailResult[] = []
  const names: (BalancerName | 'undici BalancedPool')[] = [...balancers, 'undici BalancedPool']
  for (const name of names) {
    // Fresh instances for each: what one left waiting must not be the next one's load.
    const child = fork(fileURLToPath(new URL('./backends.ts', import.meta.url)))
    const [ports] = (await once(child, 'message')) as [number[]]
    const contender = name === 'undici BalancedPool' ? balancedPool(ports) : loadBalanced(name, ports)
    results.push(await openLoop(contender, seconds))
    await contender.close()
    await stop(child)
  }
  return results
}

function loadBalanced(name: BalancerName, ports: readonly number[]): Contender {
  const agent = new Agent()
  const instances = ports.map((port) => `127.0.0.1:${port}`)
  // The balancer alone: whatever takes slow instances out, or goes elsewhere, would flatter it.
  const lb = new LoadBalancer({
    discovery: new StaticDiscovery({ users: instances }),
    balancer: name,
    outlierDetection: false,
    retry: false,
  })
  let slow = 0
  let all = 0
  const send = (): Promise<void> =>
    lb.execute('users', async (instance) => {
      all++
      if (instance.port === ports[0]) slow++
      const { body } = await request(`http://127.0.0.1:${instance.port}/`, { dispatcher: agent })
      await body.dump()
    })
  const close = async (): Promise<void> => {
    await lb.close()
    await agent.close()
  }
  return { name, send, slowShare: () => slow / all, close }
}

function balancedPool(ports: readonly number[]): Contender {
  const pool = new BalancedPool(ports.map((port) => `http://127.0.0.1:${port}`))
  const send = async (): Promise<void> => {
    const { body } = await pool.request({ method: 'GET', path: '/' })
    await body.dump()
  }
  return { name: 'undici BalancedPool', send, slowShare: () => undefined, close: () => pool.close() }
}

async function openLoop({ name, send, slowShare }: Contender, seconds: number): Promise<TailResult> {
  const total = requestsPerSecond * seconds
  const latencies = new Float64Array(total)
  let failures = 0
  const fail = (): void => {
    failures++
  }
  const calls: Promise<void>[] = []
  const startedAt = performance.now()
  while (calls.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * requestsPerSecond))
    while (calls.length < due) {
      const index = calls.length
      const calledAt = performance.now()
      const done = (): void => {
        latencies[index] = performance.now() - calledAt
      }
      calls.push(send().catch(fail).finally(done))
    }
    await delay(1)
  }
  await Promise.all(calls)
  latencies.sort()
  return {
    balancer: name,
    requests: total,
    failures,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    p999Ms: quantile(latencies, 0.999),
    slowShare: slowShare(),
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
}
