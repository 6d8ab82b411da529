import { FakeClock } from '@lb/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { defineDiscovery, type Question } from '../src/authoring.ts'
import { CompositeDiscovery, LoadBalancer, type LoadBalancerOptions, type ServiceDiscovery } from '../src/index.ts'
import { refused, timedOut } from './observed-load-balancer.ts'

let clock: FakeClock
let lb: LoadBalancer
let hosts: readonly string[]
let removed: string[]

beforeEach(() => {
  clock = new FakeClock()
  hosts = ['a', 'b', 'c']
  removed = []
})
afterEach(() => lb.close())

/** A registry whose lists may be samples, and hold for ten seconds. */
function sampling(): ServiceDiscovery {
  const ask = async (_question: Question): Promise<object> => ({
    instances: hosts.map((host) => `${host}:80`),
    ttlMs: 10_000,
    sample: { ttlMs: 10_000 },
  })
  return defineDiscovery({ service: () => ({ ask: ask as never }), poll: { jitter: 0 }, clock })
}

async function start(options: Partial<LoadBalancerOptions> = {}): Promise<void> {
  lb = new LoadBalancer({ discovery: sampling(), clock, random: () => 0, retry: false, ...options })
  lb.subscribe((event) => {
    if (event.type === 'instances-changed') removed.push(...event.removed.map(({ host }) => host))
  })
  await lb.ready('users')
}

/** The next list, a time to live later, has these instances. */
async function next(...listed: readonly string[]): Promise<void> {
  hosts = listed
  await clock.advance(10_000)
}

/** Calls `host` until it was tried once; the call fails with `error`. */
async function call(host: string, error: Error | undefined): Promise<void> {
  for (let tries = 0, tried = false; !tried && tries < 10; tries++) {
    const attempt = async (instance: { host: string }): Promise<void> => {
      tried = instance.host === host
      if (tried && error !== undefined) throw error
    }
    await lb.execute('users', attempt).catch(() => {})
  }
}

const known = (): string[] => lb.inspect('users').instances.map(({ instance }) => instance.host)

it('an instance that is missing from a sample is used on, and inspect shows for how long', async () => {
  await start()
  await next('a', 'b', 'd')
  await clock.advance(4_000)
  expect([known(), removed]).toEqual([['a', 'b', 'c', 'd'], []])
  expect(lb.inspect('users').instances[2]).toMatchObject({
    state: 'available',
    candidate: true,
    missing: { forMs: 4_000, staysMs: 26_000 },
    reason: 'may be picked; missing from the last list: stays for 26000 ms more at most',
  })
  expect(lb.inspect('users').instances[0]).not.toHaveProperty('missing')
  await clock.advance(26_000)
  expect([known(), removed]).toEqual([['a', 'b', 'd'], ['c']])
})

it('one that is missing and refuses a connection goes at once', async () => {
  await start()
  await next('a', 'b', 'd')
  await call('c', timedOut)
  expect(removed).toEqual([])
  await call('c', refused)
  expect([known(), removed]).toEqual([['a', 'b', 'd'], ['c']])
})

it('one that refuses connections and is then missing goes at once', async () => {
  await start({ outlierDetection: { consecutiveConnectErrors: 1 } })
  hosts = ['a', 'b', 'd']
  await call('c', refused)
  // The refusal asks the registry.
  await clock.advance(1_000)
  expect([known(), removed]).toEqual([['a', 'b', 'd'], ['c']])
})

it('one that is listed and refuses stays, and so does one at another address than the one that refused', async () => {
  await start()
  await call('a', refused)
  await next('a', 'b', 'd')
  expect([known(), removed]).toEqual([['a', 'b', 'c', 'd'], []])
})

it('a list that is asked for out of turn is a sample like those of the watch', async () => {
  await start()
  hosts = ['a', 'b', 'd']
  await lb.refresh('users')
  expect(removed).toEqual([])
})

it('a list that is confirmed to be empty removes all of them', async () => {
  await start()
  await next('a', 'b', 'd')
  await next()
  await clock.advance(10_000)
  expect([known(), removed]).toEqual([[], ['a', 'b', 'c', 'd']])
  await next('c')
  expect(known()).toEqual(['c'])
})

it.each(['failover', 'merge'] as const)('a composite (%s) passes on that the list is a sample', async (mode) => {
  const other = defineDiscovery({ service: () => ({ ask: async () => ['x:80'] }), clock })
  await start({ discovery: new CompositeDiscovery([sampling(), other], { mode, clock }) })
  await next('a', 'b', 'd')
  expect(removed).toEqual([])
  expect(known()).toContain('c')
})
