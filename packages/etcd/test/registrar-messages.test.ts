import { DiscoveryError, InvalidInstanceError, LoadBalancerClosedError } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EtcdRegistrar, type EtcdRegistrarOptions } from '../src/index.ts'
import { fromBase64, toBase64 } from '../src/key-range.ts'
import { eventually } from './eventually.ts'
import { putEvent, ScriptedGateway } from './scripted-gateway.ts'

const key = '/microservices/orders/10.0.0.1:80'
let gateway: ScriptedGateway
let clock: FakeClock
let registrar: EtcdRegistrar
let errors: Error[]

function create(options: EtcdRegistrarOptions = {}): EtcdRegistrar {
  return new EtcdRegistrar({
    endpoints: [gateway.url],
    codec: 'address',
    clock,
    random: () => 0,
    onError: (error) => errors.push(error),
    ...options,
  })
}

beforeEach(async () => {
  gateway = await ScriptedGateway.start()
  gateway.keys = { [key]: '10.0.0.1:80' }
  clock = new FakeClock()
  errors = []
  registrar = create()
})

afterEach(async () => {
  await registrar.close()
  await gateway.stop()
  expect(clock.pendingTimers).toBe(0)
})

const bodies = (path: string): Record<string, string>[] => gateway.callsTo(path).map(({ body }) => JSON.parse(body))
const grants = (): object[] => bodies('/v3/lease/grant')
const puts = (): Record<string, string>[] => bodies('/v3/kv/put')

async function whileTimePasses(stepMs: number, check: () => void): Promise<void> {
  await eventually(async () => {
    await clock.advance(stepMs)
    check()
  })
}

describe('a registration', () => {
  it('is a key under a lease, whose id keeps all its digits', async () => {
    const registration = await registrar.register('orders', '10.0.0.1:80')
    expect(registration).toMatchObject({ service: 'orders', instance: { host: '10.0.0.1', port: 80 } })
    expect(grants()).toEqual([{ TTL: '15', ID: '0' }])
    expect(puts()).toEqual([{ key: toBase64(key), value: toBase64('10.0.0.1:80'), lease: '7587848390112345679' }])
    await registration.deregister()
    await registration.deregister()
    expect(bodies('/v3/lease/revoke')).toEqual([{ ID: '7587848390112345679' }])
  })

  it('is renewed after a third of what was granted, not of what was asked for', async () => {
    registrar = create({ ttlMs: 1_200 })
    gateway.reply = ({ path }) => (path === '/v3/lease/grant' ? { body: { ID: '7', TTL: '9' } } : undefined)
    await registrar.register('orders', '10.0.0.1:80')
    expect(grants()).toEqual([{ TTL: '2', ID: '0' }])
    await clock.advance(2_900)
    expect(bodies('/v3/lease/keepalive')).toEqual([])
    await whileTimePasses(50, () => expect(bodies('/v3/lease/keepalive')).toEqual([{ ID: '7' }]))
  })

  it.each<[string, { status?: number; body: unknown }]>([
    ['without a TTL', { body: { result: { ID: '7' } } }],
    ['with a TTL of 0', { body: { result: { ID: '7', TTL: '0' } } }],
    [
      'that the lease is not found',
      { status: 404, body: { code: 5, message: 'etcdserver: requested lease not found' } },
    ],
  ])('whose renewal is answered %s is made again, under another lease', async (_, answer) => {
    await registrar.register('orders', '10.0.0.1:80')
    gateway.reply = ({ path }) => (path === '/v3/lease/keepalive' ? answer : undefined)
    gateway.lease = '9007199254740993'
    await whileTimePasses(1_000, () => expect(puts()).toHaveLength(2))
    expect(puts()[1]).toMatchObject({ key: toBase64(key), lease: '9007199254740993' })
    expect(errors).toEqual([])
    gateway.reply = () => undefined
    await registrar.close()
    expect(bodies('/v3/lease/revoke')).toEqual([{ ID: '9007199254740993' }])
  })

  it('whose renewal fails is tried again, and that is told', async () => {
    await registrar.register('orders', '10.0.0.1:80')
    gateway.reply = ({ path }) =>
      path === '/v3/lease/keepalive' ? { status: 503, body: { code: 14, message: 'no leader' } } : undefined
    await whileTimePasses(1_000, () => expect(errors.length).toBeGreaterThan(0))
    expect(errors[0]).toMatchObject({
      code: 'LB_DISCOVERY',
      service: 'orders',
      message: expect.stringContaining('no leader'),
    })
    gateway.reply = () => undefined
    const before = bodies('/v3/lease/keepalive').length
    await whileTimePasses(500, () => expect(bodies('/v3/lease/keepalive').length).toBeGreaterThan(before))
    expect(puts()).toHaveLength(1)
  })

  it('whose key somebody deletes is made again', async () => {
    await registrar.register('orders', '10.0.0.1:80')
    await whileTimePasses(100, () => expect(gateway.watches).toHaveLength(1))
    expect(gateway.watches[0]?.starts[0]?.path).toBe(key)
    const { kv } = putEvent(key, '', 11) as { kv: object }
    gateway.watches[0]?.send({ header: { revision: '11' }, events: [{ type: 'DELETE', kv }] })
    gateway.revision = 12
    await whileTimePasses(100, () => expect(puts()).toHaveLength(2))
    // That was before it was written again.
    gateway.watches[0]?.send({ header: { revision: '12' }, events: [putEvent(key, '10.0.0.1:80', 12)] })
    await clock.advance(4_000)
    expect(puts()).toHaveLength(2)
  })

  it('of which a deletion is told late, from before it was written again, stays as it is', async () => {
    const fence = '/microservices/orders/10.0.0.2:80'
    gateway.keys[fence] = '10.0.0.2:80'
    await registrar.register('orders', '10.0.0.1:80')
    await registrar.register('orders', '10.0.0.2:80')
    await whileTimePasses(100, () => expect(gateway.watches.at(-1)?.starts).toHaveLength(2))
    gateway.revision = 12
    gateway.reply = ({ path }) => (path === '/v3/lease/keepalive' ? { body: { result: {} } } : undefined)
    await whileTimePasses(1_000, () => expect(puts()).toHaveLength(4))
    gateway.reply = () => undefined
    gateway.revision = 20
    const watch = gateway.watches.at(-1)
    const idOf = (path: string): string => String(watch?.starts.findIndex((start) => start.path === path))
    const gone = (path: string, revision: number): object => ({
      watch_id: idOf(path),
      header: { revision: String(revision) },
      events: [{ type: 'DELETE', ...putEvent(path, '', revision) }],
    })
    const written = [putEvent(key, '10.0.0.1:80', 12)]
    watch?.send(gone(key, 11), { watch_id: idOf(key), header: { revision: '12' }, events: written }, gone(fence, 13))
    // Messages are read in order: when the last one has been, so have the others.
    await whileTimePasses(100, () => expect(puts()).toHaveLength(5))
    await clock.advance(2_000)
    expect(puts().map((put) => fromBase64(put.key ?? ''))).toEqual([key, fence, key, fence, fence])
  })
})

describe('a registration with go-zero', () => {
  it('is under the decimal number of its lease, and under another one after it was lost', async () => {
    registrar = create({ codec: 'go-zero' })
    await registrar.register('user.rpc', '10.0.0.1:80')
    gateway.reply = ({ path }) => (path === '/v3/lease/keepalive' ? { body: { result: {} } } : undefined)
    gateway.lease = '42'
    await whileTimePasses(1_000, () => expect(puts()).toHaveLength(2))
    expect(puts().map((put) => fromBase64(put.key ?? ''))).toEqual(['user.rpc/7587848390112345679', 'user.rpc/42'])
  })
})

describe('what cannot be registered', () => {
  it('is told by the promise', async () => {
    gateway.reply = () => ({ status: 403, body: { code: 7, message: 'etcdserver: permission denied' } })
    await expect(registrar.register('orders', '10.0.0.1:80')).rejects.toBeInstanceOf(DiscoveryError)
    expect(errors).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  it.each([{}, { ID: '7' }, { ID: '0', TTL: '5' }, { ID: 2 ** 60, TTL: '5' }])(
    'a lease %j is malformed',
    async (body) => {
      gateway.reply = () => ({ body })
      await expect(registrar.register('orders', '10.0.0.1:80')).rejects.toThrow('the answer is malformed')
    },
  )

  it('because it is no instance, or the codec has no place for it, is asked of nobody', async () => {
    await expect(registrar.register('orders', 'nonsense')).rejects.toBeInstanceOf(InvalidInstanceError)
    await expect(registrar.register('orders', { host: 'h', port: 1, weight: 2 })).rejects.toBeInstanceOf(
      InvalidInstanceError,
    )
    expect(gateway.calls).toEqual([])
  })
})

describe('closing the registrar', () => {
  it('takes back every registration, tells what fails, and ends everything', async () => {
    await registrar.register('orders', '10.0.0.1:80')
    gateway.keys['/microservices/orders/10.0.0.2:80'] = '10.0.0.2:80'
    await registrar.register('orders', '10.0.0.2:80')
    await whileTimePasses(100, () => expect(gateway.watches.length).toBeGreaterThan(0))
    gateway.reply = ({ path }) => (path === '/v3/lease/revoke' ? { status: 503, body: {} } : undefined)
    await Promise.all([registrar.close(), registrar.close()])
    expect(bodies('/v3/lease/revoke')).toHaveLength(2)
    expect(errors).toHaveLength(2)
    expect(clock.pendingTimers).toBe(0)
    await eventually(() => expect(gateway.watches[0]?.isOpen).toBe(false))
    await expect(registrar.register('orders', '10.0.0.3:80')).rejects.toBeInstanceOf(LoadBalancerClosedError)
  })

  it('takes back what is being registered, too', async () => {
    const registered = registrar.register('orders', '10.0.0.1:80')
    const rejected = expect(registered).rejects.toBeInstanceOf(LoadBalancerClosedError)
    await registrar.close()
    await rejected
    expect(bodies('/v3/lease/revoke')).toHaveLength(1)
  })
})
