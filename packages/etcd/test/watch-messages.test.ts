import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { eventually } from './eventually.ts'
import { putEvent, ScriptedGateway, type ScriptedWatch } from './scripted-gateway.ts'

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
  discovery = new EtcdDiscovery({ endpoints: [gateway.url], codec: 'address', clock, random: () => 0.5 })
})

afterEach(async () => {
  await discovery.close()
  await gateway.stop()
  expect(clock.pendingTimers).toBe(0)
})

/** The stream that is watched on, the `number`th one. */
async function watchOf(number = 1): Promise<ScriptedWatch> {
  await eventually(async () => {
    await clock.advance(100)
    expect(gateway.watches).toHaveLength(number)
  })
  return gateway.watches[number - 1] as ScriptedWatch
}

async function become(...expected: string[]): Promise<void> {
  await eventually(async () => {
    await clock.advance(60)
    expect(notes.latest).toEqual(expected)
  })
}

const addition = (number: number, revision: number, fields: object = {}): object => ({
  header: { revision: String(revision) },
  events: [putEvent(`${path}${number}`, `10.0.0.${number}:80`, revision)],
  ...fields,
})
const line = (result: object): string => `${JSON.stringify({ result })}\n`

describe('a watch', () => {
  it('begins after the list, at the next revision, and asks that a member without a leader says so', async () => {
    discovery.watch('orders', notes)
    const watch = await watchOf()
    expect(watch.starts).toEqual([{ path, startRevision: '11' }])
    expect(watch.headers).toMatchObject({ 'grpc-metadata-hasleader': 'true', 'content-type': 'application/json' })
    expect(gateway.callsTo('/v3/watch')[0]?.body).toContain('"progress_notify":true')
    expect(notes.described).toEqual([['10.0.0.1:80']])
  })

  it('reads messages that come one byte at a time', async () => {
    discovery.watch('orders', notes)
    const watch = await watchOf()
    const message = line({ ...addition(2, 11), note: 'größer €' })
    for (const byte of Buffer.from(message)) watch.write(Buffer.from([byte]) as unknown as string)
    await become('10.0.0.1:80', '10.0.0.2:80')
  })

  it('reads several messages that come in one piece, and blanks between them', async () => {
    discovery.watch('orders', notes)
    const watch = await watchOf()
    watch.write(`${line(addition(2, 11))}\n\n${line(addition(3, 12))}${line(addition(4, 13))}`)
    await become('10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80')
  })

  it('reads a delete, which has no value', async () => {
    gateway.keys[`${path}2`] = '10.0.0.2:80'
    discovery.watch('orders', notes)
    const { key } = (putEvent(`${path}1`, '', 0) as { kv: { key: string } }).kv
    ;(await watchOf()).send({
      header: { revision: '11' },
      events: [{ type: 'DELETE', kv: { key, mod_revision: '11' } }],
    })
    await become('10.0.0.2:80')
  })

  it('a transaction is told as one change', async () => {
    discovery.watch('orders', notes)
    const events = [2, 3, 4].map((number) => putEvent(`${path}${number}`, `10.0.0.${number}:80`, 11))
    ;(await watchOf()).send({ header: { revision: '11' }, events })
    await become('10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80')
    expect(notes.lists).toHaveLength(2)
  })

  it('one bad value leaves out that instance only, and says why', async () => {
    discovery.watch('orders', notes)
    ;(await watchOf()).send({
      header: { revision: '12' },
      events: [putEvent(`${path}2`, '\u0000', 11), putEvent(`${path}3`, '10.0.0.3:80', 12)],
    })
    await become('10.0.0.1:80', '10.0.0.3:80')
    expect(notes.rejected.at(-1)).toMatchObject([
      { message: expect.stringContaining(`the value of ${path}2 cannot be read`) },
    ])
  })
})

describe('after the connection broke', () => {
  const reconnected = async (): Promise<ScriptedWatch> => watchOf(2)

  it('a watch goes on at the revision after the last event, without another list', async () => {
    discovery.watch('orders', notes)
    const watch = await watchOf()
    watch.send(addition(2, 15))
    await become('10.0.0.1:80', '10.0.0.2:80')
    gateway.revision = 20
    watch.end()
    expect((await reconnected()).starts).toEqual([{ path, startRevision: '16' }])
    expect(gateway.lists).toHaveLength(1)
    expect(notes.errors).toMatchObject([{ code: 'LB_DISCOVERY', service: 'orders' }])
    // The failure is over, though nothing changed.
    await eventually(() => expect(notes.order).toEqual(['list', 'list', 'error', 'list']))
  })

  it('a watch goes on after the revision that a message without events told', async () => {
    discovery.watch('orders', notes)
    const watch = await watchOf()
    gateway.revision = 70
    watch.send({ header: { revision: '60' } })
    watch.end()
    expect((await reconnected()).starts).toEqual([{ path, startRevision: '61' }])
  })

  it.each<[string, string]>([
    [
      '3.5',
      '{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}',
    ],
    ['3.6', '{"error":{"code":14,"message":"etcdserver: no leader","details":[]}}'],
  ])('an error in the form of %s is told with its message', async (_, error) => {
    discovery.watch('orders', notes)
    ;(await watchOf()).write(`${error}\n`)
    await reconnected()
    expect(notes.errors[0]?.message).toContain('etcdserver: no leader')
  })

  it.each(['nonsense', '[]', '{"result":{"header":{},"events":[{"kv":{}}]}}', '<html>502</html>'])(
    'a message %s is a failure, never a list',
    async (message) => {
      discovery.watch('orders', notes)
      ;(await watchOf()).write(`${message}\n`)
      await reconnected()
      expect(notes.errors[0]?.message).toContain('malformed')
      expect(new Set(notes.described.map(String))).toEqual(new Set(['10.0.0.1:80']))
    },
  )
})

describe('when history is lost', () => {
  it('compacted changes are made up for by a list that replaces the old one at once, without a failure', async () => {
    discovery.watch('orders', notes)
    const watch = await watchOf()
    gateway.revision = 90
    gateway.keys = { [`${path}3`]: '10.0.0.3:80' }
    watch.write('{"result":{"header":{"cluster_id":"1"},"canceled":true,"compact_revision":"84"}}\n')
    expect((await watchOf(2)).starts).toEqual([{ path, startRevision: '91' }])
    expect(notes.described).toEqual([['10.0.0.1:80'], ['10.0.0.3:80']])
    expect(notes.errors).toEqual([])
  })

  it('a store that compacts again and again is not listed without a pause', async () => {
    gateway.createsWatches = false
    discovery.watch('orders', notes)
    for (const number of [1, 2, 3]) {
      const watch = await watchOf(number)
      watch.create()
      watch.send({ canceled: true, compact_revision: '84' })
    }
    await eventually(() => expect(notes.errors.length).toBeGreaterThan(0))
    expect(gateway.lists.length).toBeLessThanOrEqual(3)
  })

  it('a store at an earlier revision has lost its data, and is listed again', async () => {
    gateway.revision = 1_000
    discovery.watch('orders', notes)
    const watch = await watchOf()
    gateway.revision = 5
    gateway.keys = { [`${path}2`]: '10.0.0.2:80' }
    watch.end()
    await become('10.0.0.2:80')
    expect((await watchOf(2)).starts).toEqual([{ path, startRevision: '6' }])
  })
})

describe('a watch that etcd cancels', () => {
  it('for want of permission is a failure of this service; the others go on', async () => {
    gateway.keys['/microservices/users/1'] = '10.0.1.1:80'
    gateway.createsWatches = false
    const users = new Notes()
    discovery.watch('orders', notes)
    discovery.watch('users', users)
    const watch = await watchOf()
    expect(watch.starts).toHaveLength(2)
    const denied = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied'
    const results = watch.starts.map((start) =>
      start.path === path
        ? { watch_id: '-1', created: true, canceled: true, cancel_reason: denied }
        : { created: true },
    )
    watch.send(...results)
    await eventually(() => expect(notes.errors[0]?.message).toContain('permission denied'))
    watch.send({ header: { revision: '12' }, events: [putEvent('/microservices/users/2', '10.0.1.2:80', 12)] })
    await eventually(async () => {
      await clock.advance(50)
      expect(users.latest).toEqual(['10.0.1.1:80', '10.0.1.2:80'])
    })
    expect(users.errors).toEqual([])
    expect(notes.described).toEqual([['10.0.0.1:80']])
  })
})
