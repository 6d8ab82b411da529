import { FakeClock, Notes, seededRandom } from '@lb/testing'
import { FakeNacos } from 'test-servers'
import { afterEach, expect, it, vi } from 'vitest'
import { NacosDiscovery } from '../src/index.ts'

const user = { username: 'lb', password: 'hunter2' }
const ttlSeconds = 1_000
let fake: FakeNacos
const discoveries: NacosDiscovery[] = []
afterEach(async () => {
  await Promise.all(discoveries.splice(0).map((discovery) => discovery.close()))
  await fake.stop()
})

async function start(version: FakeNacos['version'] = '3.2'): Promise<void> {
  fake = await FakeNacos.start({ version, auth: { ...user, tokenTtlSeconds: ttlSeconds } })
  fake.set('web', [{ ip: '10.0.0.1', port: 8080 }])
}

function discover(options: object = {}): { discovery: NacosDiscovery; clock: FakeClock } {
  const clock = new FakeClock()
  const discovery = new NacosDiscovery({ servers: [fake.url], clock, random: seededRandom(1), ...user, ...options })
  discoveries.push(discovery)
  return { discovery, clock }
}

it.each(['1.4', '2.5', '3.0', '3.2'] as const)(
  'is done once, in the version of the API that the server has (%s)',
  async (version) => {
    await start(version)
    const { discovery } = discover()
    for (let round = 0; round < 3; round++) expect(await discovery.getInstances('web')).toHaveLength(1)
    expect(fake.auth.logins).toBe(1)
  },
)

it('is done once for all that ask at the same time', async () => {
  await start()
  const { discovery } = discover()
  await Promise.all(Array.from({ length: 20 }, () => discovery.getInstances('web')))
  expect(fake.auth.logins).toBe(1)
})

it('is done again a little before the token expires, not before that', async () => {
  await start()
  const { discovery, clock } = discover()
  await discovery.getInstances('web')
  await clock.advance(ttlSeconds * 1_000 * 0.89)
  await discovery.getInstances('web')
  expect(fake.auth.logins).toBe(1)
  await clock.advance(ttlSeconds * 1_000 * 0.05)
  await discovery.getInstances('web')
  expect(fake.auth.logins).toBe(2)
})

it('that fails when it is renewed leaves the old token in use for as long as it is good', async () => {
  await start()
  const { discovery, clock } = discover()
  await discovery.getInstances('web')
  fake.intercept = ({ path }) => (path.endsWith('/login') ? { status: 500, body: 'no' } : undefined)
  await clock.advance(ttlSeconds * 1_000 * 0.95)
  expect(await discovery.getInstances('web')).toHaveLength(1)
  await clock.advance(ttlSeconds * 1_000 * 0.06)
  await expect(discovery.getInstances('web')).rejects.toThrow('the login failed')
})

it.each(['2.5', '3.2'] as const)(
  'is done again when a token is refused before its time, and the question is repeated (%s)',
  async (version) => {
    await start(version)
    const { discovery } = discover()
    await discovery.getInstances('web')
    fake.auth.expireTokens()
    expect(await discovery.getInstances('web')).toHaveLength(1)
    expect(fake.auth.logins).toBe(2)
  },
)

it('is done once for all whose token is refused at the same time', async () => {
  await start()
  const { discovery } = discover()
  await discovery.getInstances('web')
  fake.auth.expireTokens()
  const lists = await Promise.all(Array.from({ length: 20 }, () => discovery.getInstances('web')))
  expect(lists.every((list) => list.length === 1)).toBe(true)
  expect(fake.auth.logins).toBe(2)
})

it('is done at most once a minute for a user who may not', async () => {
  await start()
  const { discovery, clock } = discover()
  fake.intercept = ({ path }) =>
    path.endsWith('/list') ? { status: 403, body: '{"code":10001,"message":"access denied","data":null}' } : undefined
  const refused = async (): Promise<void> => {
    await expect(discovery.getInstances('web')).rejects.toThrow(
      'answered 403 to /nacos/v3/client/ns/instance/list: code 10001, access denied',
    )
  }
  await refused()
  expect(fake.auth.logins).toBe(2)
  for (let second = 0; second < 59; second++) {
    await refused()
    await clock.advance(1_000)
  }
  expect(fake.auth.logins).toBe(2)
  await clock.advance(1_000)
  await refused()
  expect(fake.auth.logins).toBe(3)
})

it('with a wrong password is tried once a minute, and the error shows neither name nor password', async () => {
  await start()
  const { discovery, clock } = discover({ username: 'lb-user', password: 'wrong-password' })
  const fails = async (): Promise<void> => {
    const error = (await discovery.getInstances('web').catch((cause: Error) => cause)) as Error
    expect(error).toMatchObject({ code: 'LB_DISCOVERY', status: 403, service: 'web' })
    expect(error.message).toContain('the login failed')
    expect(JSON.stringify([error.message, error, error.stack])).not.toMatch(/lb-user|wrong-password/)
  }
  await fails()
  await fails()
  expect(fake.auth.logins).toBe(1)
  await clock.advance(60_000)
  await fails()
  expect(fake.auth.logins).toBe(2)
})

it.each([
  '{}',
  'null',
  '{"accessToken":7}',
  '{"accessToken":"a b"}',
  '{"accessToken":"a\\r\\nx: y"}',
  'not json',
  '{"accessToken":""}',
])('that is answered with %j is a failure', async (body) => {
  await start()
  fake.intercept = ({ path }) => (path.endsWith('/login') ? { body } : undefined)
  await expect(discover().discovery.getInstances('web')).rejects.toMatchObject({ code: 'LB_DISCOVERY' })
  expect(fake.requests.every(({ path }) => path.endsWith('/login'))).toBe(true)
})

it('keeps a watch going over the expiry of its token', async () => {
  await start()
  const { discovery, clock } = discover()
  const notes = new Notes()
  discovery.watch('web', notes)
  await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
  fake.auth.expireTokens()
  for (let round = 2; round < 5; round++) {
    await clock.advance(10_000)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(round))
  }
  expect(notes.errors).toEqual([])
  expect(fake.auth.logins).toBe(2)
})
