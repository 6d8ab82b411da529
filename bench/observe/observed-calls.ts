// Calls without a network in a process of their own: `observed-calls.ts NAME time|bytes` prints what one `lb.execute` takes.
import { type CallObserver, LoadBalancer, StaticDiscovery } from '@lb/core'
import { spreadOf } from '../spread.ts'
import type { CallContenderName } from './call-costs.ts'

const [name = '', unit = 'time'] = process.argv.slice(2)
const service = 'user-service'
const calls = 20_000
const rounds = 15
/** Few enough that no garbage is collected meanwhile in the young generation that the parent gives. */
const allocatingCalls = 2_000

const addresses = Array.from({ length: 10 }, (_, index) => `10.0.0.${index + 1}:80`)
const lb = new LoadBalancer({ discovery: new StaticDiscovery({ [service]: addresses }) })

const observer: CallObserver = {
  startCall: () => ({ startAttempt: () => ({ run: (attempt) => attempt(), end: () => {} }), end: () => {} }),
}
const setups: Readonly<Record<CallContenderName, () => void>> = {
  unobserved: () => {},
  others: () => void lb.subscribe(() => {}, ['instances-changed', 'instance-ejected']),
  finished: () => void lb.subscribe(() => {}, ['call-finished']),
  observer: () => void lb.observe(observer),
}
for (const [each, setUp] of Object.entries(setups)) if (each === name) setUp()

const answer = Promise.resolve(1)

async function callInTurn(count: number): Promise<void> {
  for (let call = 0; call < count; call++) await lb.execute(service, () => answer)
}

async function nanosecondsPerCall(): Promise<number> {
  const start = process.hrtime.bigint()
  await callInTurn(calls)
  return Number(process.hrtime.bigint() - start) / calls
}

async function bytesPerCall(): Promise<number> {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  await callInTurn(allocatingCalls)
  return (process.memoryUsage().heapUsed - before) / allocatingCalls
}

await lb.ready(service)
// Until it is compiled.
await callInTurn(5 * calls)
const figures: number[] = []
for (let round = 0; round < rounds; round++)
  figures.push(await (unit === 'bytes' ? bytesPerCall() : nanosecondsPerCall()))
console.log(spreadOf(figures).median)
await lb.close()
