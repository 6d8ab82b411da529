import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { StaticDiscovery } from '@lb/core'

// An instance that serves four requests at a time, each in 20 ms, and lets the others wait.
let busy = 0
const waiting: (() => void)[] = []
async function serve(response: ServerResponse): Promise<void> {
  if (busy === 4) await new Promise<void>((resolve) => waiting.push(resolve))
  else busy++
  await delay(20)
  response.end()
  const next = waiting.shift()
  if (next === undefined) busy--
  else next()
}
const server = createServer((_, response) => void serve(response)).listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
const discovery = new StaticDiscovery({
  'user-service': [`127.0.0.1:${typeof address === 'object' ? address?.port : ''}`],
})

// #region recipe
import { type Criticality, LoadBalancer, OverloadedError } from '@lb/core'

const lb = new LoadBalancer({
  discovery,
  maxInFlight: 'adaptive',
  adaptiveLimit: { min: 2, max: 100, initial: 20 },
  queue: { maxSize: 80, maxWaitMs: 5_000 },
})

const call = (criticality: Criticality) =>
  lb.execute(
    'user-service',
    async ({ host, port }, { signal }) => (await fetch(`http://${host}:${port}/`, { signal })).text(),
    { criticality, idempotent: true },
  )
// #endregion recipe

/** Makes 200 calls at once: of ten, one is critical and six can be left out. */
async function burst(): Promise<Record<Criticality, number>> {
  const served = { critical: 0, default: 0, sheddable: 0 }
  const calls = Array.from({ length: 200 }, async (_, number) => {
    const place = number % 10
    const criticality = place === 9 ? 'critical' : place > 5 ? 'default' : 'sheddable'
    try {
      await call(criticality)
      served[criticality]++
    } catch (error) {
      if (!(error instanceof OverloadedError)) throw error
    }
  })
  await Promise.all(calls)
  return served
}

const served = await burst()
console.log(`served: ${served.critical} of 20 critical calls, ${served.default} of 60 default ones`)
console.log(`fewer than half of the sheddable ones: ${served.sheddable < 60}`)
for (let number = 0; number < 5; number++) await burst()
const { adaptiveLimit = Infinity } = lb.inspect('user-service')
console.log(`the limit came down from 20: ${adaptiveLimit < 20}`)
await lb.close()
server.close()
