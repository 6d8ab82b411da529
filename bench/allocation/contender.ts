// One contender in a process of its own: `contender.ts NAME ADDRESS…` prints what one of its calls takes, as JSON.
import { createHook } from 'node:async_hooks'
import { spreadOf } from '../spread.ts'
import { callsOf } from './contenders.ts'

/** What one call takes. */
export interface CallAllocation {
  readonly bytes: number
  readonly promises: number
}

const warmUpCalls = 8_000
/** So few that nothing is collected meanwhile in the young generation that the parent gives. */
const calls = 400
const rounds = 15

const [name = '', ...addresses] = process.argv.slice(2)
const makeCalls = await callsOf(name, addresses)

async function bytesPerCall(): Promise<number> {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  await makeCalls(calls)
  return (process.memoryUsage().heapUsed - before) / calls
}

/** Promises of the engine, those of `await` included. */
async function promisesPerCall(): Promise<number> {
  let promises = 0
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'PROMISE') promises++
    },
  }).enable()
  await makeCalls(calls)
  hook.disable()
  return promises / calls
}

await makeCalls(warmUpCalls)
const bytes: number[] = []
for (let round = 0; round < rounds; round++) bytes.push(await bytesPerCall())
const found: CallAllocation = { bytes: spreadOf(bytes).median, promises: await promisesPerCall() }
console.log(JSON.stringify(found))
process.exit()
