import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { eventually } from './eventually.ts'
import { putEvent, ScriptedGateway } from './scripted-gateway.ts'

const path = '/microservices/orders/'
let gateway: ScriptedGateway
let clock: FakeClock
let discovery: EtcdDiscovery

beforeEach(async () => {
  gateway = await ScriptedGateway.start()
  gateway.keys = { [`${path}1`]: '10.0.0.1:80' }
  clock = new FakeClock()
  discovery = new EtcdDiscovery({ endpoints: [gateway.url], codec: 'address', clock, random: () => 0.5 })
})

afterEach(async () => {
  await discovery.close()
  await gateway.stop()
  expect(clock.pendingTimers).toBe(0)
})

async function whileTimePasses(stepMs: number, check: () => void): Promise<void> {
  await eventually(async () => {
    await clock.advance(stepMs)
    check()
  })
}

const watching = (number: number): Promise<void> =>
  whileTimePasses(100, () => expect(gateway.watches).toHaveLength(number))

const byNumber = (left: number, right: number): number => left - right

/** Watchers of `count` services, each with one instance. */
function watchMany(count: number): Map<string, Notes> {
  const watchers = new Map<string, Notes>()
  for (let number = 0; number < count; number++) {
    const notes = new Notes()
    gateway.keys[`/microservices/service-${number}/1`] = `10.0.0.1:${1_000 + number}`
    discovery.watch(`service-${number}`, notes)
    watchers.set(`/microservices/service-${number}/`, notes)
  }
  return watchers
}

it('a service that comes later is watched on the same connection, and nobody misses anything', async () => {
  gateway.keys['/microservices/users/1'] = '10.0.1.1:80'
  const notes = new Notes()
  discovery.watch('orders', notes)
  await watching(1)
  gateway.watches[0]?.send({ header: { revision: '25' }, events: [putEvent(`${path}2`, '10.0.0.2:80', 25)] })
  await eventually(async () => {
    await clock.advance(60)
    expect(notes.latest).toHaveLength(2)
  })
  gateway.revision = 30
  discovery.watch('users', new Notes())
  await watching(2)
  expect(gateway.watches[1]?.starts).toEqual([
    { path, startRevision: '26' },
    { path: '/microservices/users/', startRevision: '31' },
  ])
  await eventually(() => expect(gateway.watches.map(({ isOpen }) => isOpen)).toEqual([false, true]))
  expect(notes.errors).toEqual([])
})

it('services that come together share one connection, up to sixteen of them', async () => {
  watchMany(20)
  await whileTimePasses(100, () => {
    const open = gateway.watches.filter(({ isOpen }) => isOpen)
    expect(open.map(({ starts }) => starts.length).sort(byNumber)).toEqual([4, 16])
  })
})

it('what etcd has not taken from one request is watched by others, and every service sees its own changes', async () => {
  gateway.createsWatches = false
  const watchers = watchMany(5)
  await watching(1)
  gateway.watches[0]?.send({ created: true }, { watch_id: '1', created: true })
  gateway.createsWatches = true
  await whileTimePasses(100, () => {
    const open = gateway.watches.filter(({ isOpen }) => isOpen)
    expect(open.map(({ starts }) => starts.length).sort(byNumber)).toEqual([1, 2, 5])
  })
  // Late: they are others' by now.
  gateway.watches[0]?.send({ watch_id: '2', created: true })
  const seen = new Set<string>()
  for (const watch of gateway.watches.toReversed()) {
    for (const [id, { path: service }] of watch.starts.entries()) {
      const isTheirs = watch !== gateway.watches[0] || id < 2
      const address = isTheirs ? '10.0.0.2:80' : '10.0.0.3:80'
      const events = [putEvent(`${service}2`, address, 11)]
      watch.send({ header: { revision: '11' }, ...(id > 0 && { watch_id: String(id) }), events })
      if (isTheirs) seen.add(service)
    }
  }
  expect(seen.size).toBe(5)
  await whileTimePasses(60, () => {
    for (const notes of watchers.values())
      expect(notes.latest).toEqual([expect.stringMatching(/^10\.0\.0\.1:/), '10.0.0.2:80'])
  })
  for (const notes of watchers.values()) expect(notes.errors).toEqual([])
})
