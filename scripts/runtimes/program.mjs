// What core promises on every runtime, with real time and the runtime's own `fetch`.
import { InvalidOptionError, LoadBalancer, NoAvailableInstanceError, StaticDiscovery } from '@lb/core'
import { defineDiscovery, isLoadBalancer } from '@lb/core/authoring'

function check(condition, what) {
  if (!condition) throw new Error(`not as promised: ${what}`)
}

const failureOf = (promise) => promise.catch((error) => error)

/**
 * @param alive two addresses, whose servers answer with their own address
 * @param dead an address where nothing listens
 */
export async function run({ alive, dead }) {
  await callsMoveOn({ alive, dead })
  await listsAndLimits({ alive })
  await polls({ alive })
  await definedDiscovery({ alive })
}

async function callsMoveOn({ alive, dead }) {
  const events = []
  const discovery = new StaticDiscovery({ users: [...alive, dead] })
  const lb = new LoadBalancer({ discovery, retry: { backoffBaseMs: 1 } })
  lb.subscribe((event) => events.push(event.type))
  const get = async ({ host, port }, { signal }) => (await fetch(`http://${host}:${port}/`, { signal })).text()
  const seen = {}
  for (let number = 0; number < 30; number++) {
    const address = await lb.execute('users', get, { idempotent: true })
    seen[address] = (seen[address] ?? 0) + 1
  }
  check(
    alive.every((address) => seen[address] >= 10),
    `the instances share the calls, got ${JSON.stringify(seen)}`,
  )
  check(events.includes('retry'), 'calls move on from the instance that refuses connections')
  check(events.includes('instance-ejected'), 'it is ejected')
  await lb.close()
}

async function listsAndLimits({ alive }) {
  const discovery = new StaticDiscovery({ users: alive })
  const lb = new LoadBalancer({ discovery })
  await lb.ready('users')
  discovery.set('users', alive.slice(0, 1))
  check(lb.pick('users').id === alive[0], 'a new list is used')
  const { instance, done } = await lb.acquire('users')
  check(instance.id === alive[0] && lb.inspect('users').inFlight === 1, 'an acquired instance is in flight')
  done({ ok: true, latencyMs: 1 })
  check(lb.inspect('users').inFlight === 0, 'and no longer when it is done')
  const silent = (_instance, { signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const late = await failureOf(lb.execute('users', silent, { timeoutMs: 20 }))
  check(late.code === 'LB_DEADLINE_EXCEEDED', `a deadline ends a call, got ${late}`)
  const nobody = await failureOf(lb.execute('nobody', async () => 1))
  check(nobody instanceof NoAvailableInstanceError, `a service without instances is refused, got ${nobody}`)
  const refused = await failureOf((async () => new LoadBalancer({ discovery, balancer: 'round-robbin' }))())
  check(refused instanceof InvalidOptionError, `a wrong option is refused, got ${refused}`)
  await lb.close()
  const closed = await failureOf(lb.ready('users'))
  check(closed.code === 'LB_CLOSED', `it is closed, got ${closed}`)
}

async function polls({ alive }) {
  let asked = 0
  const getInstances = async () => {
    asked++
    return alive
  }
  const healthCheck = { probe: () => true, intervalMs: 100 }
  const lb = new LoadBalancer({
    discovery: { getInstances },
    refreshIntervalMs: 10,
    healthCheck,
    balancer: 'ring-hash',
  })
  const idOf = async ({ id }) => id
  const ids = await Promise.all([1, 2, 3].map(() => lb.execute('users', idOf, { hashKey: 'k' })))
  check(new Set(ids).size === 1, `the same key goes to the same instance, got ${ids}`)
  while (asked < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  await lb.close()
}

async function definedDiscovery({ alive }) {
  const discovery = defineDiscovery({ service: () => ({ ask: async () => alive }) })
  const lb = new LoadBalancer({ discovery })
  check(isLoadBalancer(lb), 'the entry for authors knows a load balancer')
  await lb.ready('users')
  check(alive.includes(lb.pick('users').id), 'the list of a defined discovery is used')
  await lb.close()
  const closed = await failureOf(discovery.getInstances('users'))
  check(closed.code === 'LB_CLOSED', `the load balancer closes it, got ${closed}`)
}
