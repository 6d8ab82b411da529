import { Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { eventually } from './eventually.ts'
import { type GatewayCall, ScriptedGateway } from './scripted-gateway.ts'

const path = '/microservices/orders/'
let gateway: ScriptedGateway
let discovery: EtcdDiscovery
/** What is valid now; the next authentication gives another one. */
let valid: string
let failure: { readonly status: number; readonly body: object }

const old = { error: 'etcdserver: invalid auth token', message: 'etcdserver: invalid auth token', code: 16 }
const recent = { code: 16, message: 'etcdserver: invalid auth token', details: [] }

function reply({ path: called, headers }: GatewayCall): { status?: number; body: unknown } | undefined {
  if (called === '/v3/auth/authenticate') {
    valid = `token.${gateway.callsTo(called).length}`
    return { body: { header: { revision: '1' }, token: valid } }
  }
  return headers.authorization === valid ? undefined : failure
}

beforeEach(async () => {
  gateway = await ScriptedGateway.start()
  gateway.keys = { [`${path}1`]: '10.0.0.1:80' }
  gateway.reply = reply
  failure = { status: 401, body: recent }
  discovery = new EtcdDiscovery({ endpoints: [gateway.url], codec: 'address', username: 'reader', password: 'hunter2' })
})

afterEach(async () => {
  await discovery.close()
  await gateway.stop()
})

const authentications = (): GatewayCall[] => gateway.callsTo('/v3/auth/authenticate')

describe('a token', () => {
  it('is asked for once, and sent as it is', async () => {
    await Promise.all([discovery.getInstances('orders'), discovery.getInstances('users')])
    expect(authentications().map(({ body }) => JSON.parse(body))).toEqual([{ name: 'reader', password: 'hunter2' }])
    expect(gateway.lists.map(({ headers }) => headers.authorization)).toEqual(['token.1', 'token.1'])
  })

  it.each<[string, number, object]>([
    ['that ran out, in the form of 3.4', 401, old],
    ['that ran out, in the form of 3.5 and 3.6', 401, recent],
    ['from before users were changed', 400, { code: 3, message: 'etcdserver: revision of auth store is old' }],
    ['that got lost', 400, { code: 3, message: 'etcdserver: user name is empty' }],
  ])('%s is asked for again, and the request repeated', async (_, status, body) => {
    await discovery.getInstances('orders')
    failure = { status, body }
    valid = 'another'
    expect(await discovery.getInstances('orders')).toHaveLength(1)
    expect(authentications()).toHaveLength(2)
    expect(gateway.lists).toHaveLength(3)
  })

  it('that is rejected again is a failure: nothing is repeated twice', async () => {
    gateway.reply = (call) => (call.path === '/v3/auth/authenticate' ? reply(call) : failure)
    await expect(discovery.getInstances('orders')).rejects.toThrow('etcdserver: invalid auth token')
    expect([gateway.lists.length, authentications().length]).toEqual([2, 2])
  })

  it('is not asked for again when permission is what is missing', async () => {
    await discovery.getInstances('orders')
    gateway.reply = () => ({ status: 403, body: { code: 7, message: 'etcdserver: permission denied' } })
    await expect(discovery.getInstances('orders')).rejects.toMatchObject({ cause: { status: 403, grpcCode: 7 } })
    expect(authentications()).toHaveLength(1)
  })

  it('that cannot be had is a failure without the password in it', async () => {
    gateway.reply = () => ({
      status: 400,
      body: { code: 3, message: 'etcdserver: authentication failed, invalid user ID or password' },
    })
    const error: unknown = await discovery.getInstances('orders').catch((cause: unknown) => cause)
    expect(error).toMatchObject({ message: expect.stringContaining('invalid user ID or password') })
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      expect(`${cause.stack} ${JSON.stringify(cause)}`).not.toMatch(/hunter2/)
    }
  })

  it.each([{}, { token: 7 }, { token: 'a\r\nb' }, []])('%j is none', async (body) => {
    gateway.reply = () => ({ body })
    await expect(discovery.getInstances('orders')).rejects.toThrow('the answer is malformed')
  })

  it('that a watch finds rejected is asked for again', async () => {
    const notes = new Notes()
    gateway.createsWatches = false
    discovery.watch('orders', notes)
    await eventually(() => expect(gateway.watches).toHaveLength(1))
    expect(gateway.watches[0]?.headers.authorization).toBe('token.1')
    valid = 'another'
    const reason = 'rpc error: code = Unauthenticated desc = etcdserver: invalid auth token'
    gateway.watches[0]?.send({ watch_id: '-1', created: true, canceled: true, cancel_reason: reason })
    await eventually(() => expect(gateway.watches).toHaveLength(2))
    expect(gateway.watches[1]?.headers.authorization).toBe('token.2')
    expect(gateway.lists.filter(({ headers }) => headers.authorization === 'token.2')).toEqual([])
  })
})
