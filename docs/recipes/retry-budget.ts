import { StaticDiscovery } from '@lb/core'
import { startInstances } from './instances.ts'

const instances = await startInstances('first', 'second', 'third')
const discovery = new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) })

// #region recipe
import { LoadBalancer } from '@lb/core'

const lb = new LoadBalancer({
  discovery,
  retry: { budget: { ratio: 0.2, minPerSecond: 10, windowMs: 10_000 } }, // the defaults: a reserve of 100
})
// #endregion recipe

let attempts = 0
const call = () =>
  lb.execute(
    'user-service',
    async ({ host, port }, { signal }) => {
      attempts++
      await (await fetch(`http://${host}:${port}/`, { signal })).text()
    },
    { idempotent: true },
  )

async function hundredCalls(): Promise<number> {
  attempts = 0
  let succeeded = 0
  for (let number = 0; number < 100; number++) {
    await call().then(
      () => succeeded++,
      () => {},
    )
  }
  return succeeded
}

await instances[0]?.stop()
console.log(`one of three is dead: ${await hundredCalls()} of 100 calls succeed`)
await Promise.all(instances.map((instance) => instance.stop()))
console.log(`all are dead: ${await hundredCalls()} of 100 calls succeed`)
console.log(`fewer than 150 attempts, where three for each call would be 300: ${attempts < 150}`)
await lb.close()
