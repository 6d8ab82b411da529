import { FakeClock, Notes, settlePromises } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { eventually } from './eventually.ts'
import { putEvent, ScriptedGateway } from './scripted-gateway.ts'

const path = '/microservices/orders/'
let gateway: ScriptedGateway
let clock: FakeClock
let discovery: EtcdDiscovery
let notes: Notes

beforeEach(async () => {
  gateway = await ScriptedGateway.start()
  gateway.keys = { [`${path}1`]: '10.0.0.1:80' }
  clock = new FakeClock()
  notes = new Notes()
  const endpoints = [gateway.url]
  discovery = new EtcdDiscovery({
    endpoints,
    codec: 'address',
    clock,
    random: () => 0.5,
    timeoutMs: 2_000,
    probeIntervalMs: 10_000,
  })
  discovery.watch('orders', notes)
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

const watches = (number: number) => (): void => expect(gateway.watches).toHaveLength(number)
const probes = (): number => gateway.callsTo('/v3/kv/range').length - gateway.lists.length

describe('a connection that is silent', () => {
  it('is asked about after a while, with a request that costs little, and stays when nothing happened', async () => {
    await whileTimePasses(100, watches(1))
    const before = probes()
    await whileTimePasses(1_000, () => expect(probes()).toBe(before + 1))
    expect(JSON.parse(gateway.callsTo('/v3/kv/range').at(-1)?.body ?? '')).toMatchObject({
      limit: '1',
      keys_only: true,
      sort_target: 'MOD',
    })
    await whileTimePasses(1_000, () => expect(probes()).toBe(before + 2))
    expect(gateway.watches).toHaveLength(1)
    expect(notes.order).toEqual(['list'])
  })

  it.each<[string, Record<string, string>]>([
    ['left out', { [`${path}1`]: '10.0.0.1:80', [`${path}2`]: '10.0.0.2:80' }],
    ['left out a removal of', {}],
  ])('and %s an instance is given up, and the service is listed', async (_, keys) => {
    await whileTimePasses(100, watches(1))
    gateway.keys = keys
    gateway.revision = 12
    await whileTimePasses(1_000, watches(2))
    expect(notes.latest).toEqual(Object.values(keys))
    expect(gateway.watches[0]?.isOpen).toBe(false)
    expect(gateway.lists).toHaveLength(2)
  })

  it('and is only late is kept', async () => {
    await whileTimePasses(100, watches(1))
    gateway.revision = 12
    gateway.keys[`${path}2`] = '10.0.0.2:80'
    const before = probes()
    await whileTimePasses(500, () => expect(probes()).toBe(before + 1))
    gateway.watches[0]?.send({ header: { revision: '12' }, events: [putEvent(`${path}2`, '10.0.0.2:80', 12)] })
    await whileTimePasses(500, () => expect(notes.latest).toEqual(['10.0.0.1:80', '10.0.0.2:80']))
    await clock.advance(5_000)
    expect([gateway.watches.length, gateway.lists.length]).toEqual([1, 1])
  })

  it('whose endpoint does not answer is a failure', async () => {
    await whileTimePasses(100, watches(1))
    gateway.reply = () => ({ status: 503, body: { code: 14, message: 'etcdserver: request timed out' } })
    await whileTimePasses(1_000, () => expect(notes.errors[0]?.message).toContain('request timed out'))
    expect(notes.described).toEqual([['10.0.0.1:80']])
    gateway.reply = () => undefined
    await whileTimePasses(100, () => expect(notes.order).toEqual(expect.arrayContaining(['error', 'list'])))
    await whileTimePasses(100, watches(2))
  })

  it('on which messages come is not asked about', async () => {
    await whileTimePasses(100, watches(1))
    const before = probes()
    for (let revision = 11; revision < 20; revision++) {
      gateway.watches[0]?.send({ header: { revision: String(revision) } })
      await eventually(async () => {
        await settlePromises()
      })
      await clock.advance(5_000)
    }
    expect(probes() - before).toBeLessThanOrEqual(1)
  })
})

it('behind something that keeps the messages to itself, the service is listed again and again, with pauses', async () => {
  gateway.createsWatches = false
  await whileTimePasses(100, watches(1))
  gateway.keys[`${path}2`] = '10.0.0.2:80'
  await whileTimePasses(500, () => expect(notes.latest).toEqual(['10.0.0.1:80', '10.0.0.2:80']))
  gateway.keys[`${path}3`] = '10.0.0.3:80'
  await whileTimePasses(500, () => expect(notes.latest).toHaveLength(3))
  expect(gateway.lists.length).toBeLessThanOrEqual(4)
})
