import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { FakeClock, Notes } from '@lb/testing'
import { FakeNacos } from 'test-servers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery } from '../src/index.ts'

let fake: FakeNacos
let discovery: NacosDiscovery
let attacker: Socket
let notes: Notes
let clock: FakeClock
beforeEach(async () => {
  fake = await FakeNacos.start({ version: '2.5' })
  fake.set('web', [{ ip: '10.0.0.1', port: 1 }])
  clock = new FakeClock()
  discovery = new NacosDiscovery({ servers: [fake.url], udpPush: { host: '127.0.0.1' }, clock, random: () => 0 })
  attacker = createSocket('udp4')
  attacker.bind(0, '127.0.0.1')
  await once(attacker, 'listening')
  notes = new Notes()
})
afterEach(async () => {
  attacker.close()
  await discovery.close()
  await fake.stop()
})

const lists = (): FakeNacos['requests'] => fake.requests.filter(({ path }) => path === '/v1/ns/instance/list')
const pushPort = (): number => Number(lists().at(-1)?.parameters.udpPort)

async function watch(): Promise<void> {
  discovery.watch('web', notes)
  await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
}

function forged(name: string, hosts: readonly object[] = [], lastRefTime = '1234567890123456789'): string {
  return `{"type":"dom","data":${JSON.stringify(JSON.stringify({ name, hosts }))},"lastRefTime":${lastRefTime}}`
}

describe('a push', () => {
  it.each([1, 30])(
    'makes the question for the service come at once, and is acknowledged (%i instances)',
    async (count) => {
      await watch()
      // Small ones come as they are, large ones compressed. Time passes only for the least distance of two questions.
      await clock.advance(1_000)
      fake.set(
        'web',
        Array.from({ length: count }, (_, index) => ({ ip: '10.0.0.2', port: 100 + index })),
      )
      await vi.waitFor(async () => {
        await clock.advance(0)
        expect(notes.lists).toHaveLength(2)
      })
      expect(notes.ports).toHaveLength(count)
      await vi.waitFor(() => expect(fake.acknowledgements).toHaveLength(1))
      expect(fake.acknowledgements[0]).toMatch(/^{"type":"push-ack","lastRefTime":"\d{19}","data":""}$/)
    },
  )

  it('is acknowledged with identical digits, which may be more than 2^53', async () => {
    await watch()
    const answered = once(attacker, 'message')
    attacker.send(forged('DEFAULT_GROUP@@web', [], '9007199254740993'), pushPort(), '127.0.0.1')
    expect(String((await answered)[0])).toBe('{"type":"push-ack","lastRefTime":9007199254740993,"data":""}')
  })

  it('is not believed: what it says never becomes the list', async () => {
    await watch()
    const answered = once(attacker, 'message')
    const host = { ip: '6.6.6.6', port: 666, weight: 1, healthy: true, enabled: true, clusterName: 'DEFAULT' }
    attacker.send(forged('DEFAULT_GROUP@@web', [host]), pushPort(), '127.0.0.1')
    await answered
    await clock.advance(1_000)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(2))
    expect(notes.lists.flat().every(({ host: given }) => given === '10.0.0.1')).toBe(true)
  })

  it('of another service, or that makes no sense, changes nothing and gets no answer', async () => {
    await watch()
    const answers: string[] = []
    attacker.on('message', (text) => answers.push(String(text)))
    const nonsense = ['', 'x', '{"type":"dom"}', forged('DEFAULT_GROUP@@other'), forged('OTHER@@web')]
    for (const text of nonsense) attacker.send(text, pushPort(), '127.0.0.1')
    // Whatever came before has been read when this one is answered.
    attacker.send(forged('DEFAULT_GROUP@@web', [], '7'), pushPort(), '127.0.0.1')
    await vi.waitFor(() => expect(answers).toEqual(['{"type":"push-ack","lastRefTime":7,"data":""}']))
  })

  it('is not heard any more by a watch that was closed', async () => {
    const subscription = discovery.watch('web', notes)
    discovery.watch('api', new Notes())
    await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
    const port = pushPort()
    subscription.close()
    const answered = once(attacker, 'message')
    attacker.send(forged('DEFAULT_GROUP@@web', [], '1'), port, '127.0.0.1')
    attacker.send(forged('DEFAULT_GROUP@@api', [], '2'), port, '127.0.0.1')
    expect(String((await answered)[0])).toContain('"lastRefTime":2')
  })

  it('in a flood makes one question a second, and few answers', { timeout: 20_000 }, async () => {
    await watch()
    let answers = 0
    attacker.on('message', () => answers++)
    const seconds = 20
    for (let second = 0; second < seconds; second++) {
      const before = answers
      for (let count = 0; count < 100; count++) attacker.send(forged('DEFAULT_GROUP@@web'), pushPort(), '127.0.0.1')
      await vi.waitFor(() => expect(answers).toBeGreaterThan(before))
      await clock.advance(1_000)
      await vi.waitFor(() => expect(notes.lists).toHaveLength(second + 2))
    }
    expect(lists()).toHaveLength(1 + seconds)
    // A burst of 50 and 20 a second; those of the last second may be on the way.
    expect(answers).toBeLessThanOrEqual(50 + 20 * seconds)
  })

  it('is not asked of servers with version 3 of the API', async () => {
    fake.version = '3.0'
    await watch()
    expect(fake.requests.some(({ parameters }) => 'udpPort' in parameters || 'clientIP' in parameters)).toBe(false)
  })
})

it('is off unless it is switched on', async () => {
  await discovery.close()
  discovery = new NacosDiscovery({ servers: [fake.url], clock })
  await watch()
  expect(lists()[0]?.parameters).not.toHaveProperty('udpPort')
  expect(lists()[0]?.headers['user-agent']).toBe('lb-nacos')
})

it('that cannot be received is told once, and the questions go on', async () => {
  await discovery.close()
  const { port } = attacker.address()
  discovery = new NacosDiscovery({ servers: [fake.url], udpPush: { host: '127.0.0.1', port }, clock, random: () => 0 })
  await watch()
  await clock.advance(10_000)
  await vi.waitFor(() => expect(notes.lists).toHaveLength(2))
  expect(notes.errors).toHaveLength(1)
  expect(notes.errors[0]?.message).toContain(`web: UDP pushes cannot be received on port ${port}`)
  expect(lists()[0]?.parameters).not.toHaveProperty('udpPort')
})

it('ends with the discovery: its socket is closed', async () => {
  await watch()
  const port = pushPort()
  await discovery.close()
  const next = createSocket('udp4')
  next.bind({ port, exclusive: true })
  await once(next, 'listening')
  next.close()
})
