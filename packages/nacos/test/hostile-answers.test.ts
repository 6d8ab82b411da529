import { LoadBalancer, type LoadBalancerEvent } from '@lb/core'
import { FakeClock, Notes } from '@lb/testing'
import { FakeNacos } from 'test-servers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery } from '../src/index.ts'

let fake: FakeNacos
let clock: FakeClock
let discovery: NacosDiscovery
beforeEach(async () => {
  fake = await FakeNacos.start({ version: '3.2' })
  fake.set('web', [{ ip: '10.0.0.1', port: 1 }])
  clock = new FakeClock()
  discovery = new NacosDiscovery({ servers: [fake.url], clock, random: () => 0 })
})
afterEach(async () => {
  await discovery.close()
  await fake.stop()
})

const good = JSON.stringify({
  code: 0,
  message: 'success',
  data: [{ ip: '10.0.0.1', port: 1, healthy: true, metadata: { k: 'ü' } }],
})

describe('an answer that makes no sense', () => {
  it.each([
    '',
    ' ',
    'ok',
    'null',
    '[]',
    '7',
    '"text"',
    '{}',
    '{"code":0}',
    '{"code":0,"data":null}',
    '{"code":0,"data":{}}',
    '{"code":"0","data":[]}',
    '{"code":10001,"message":"access denied","data":[]}',
    '{"data":[]}',
    '<html><body>It works!</body></html>',
    '\u0000\u0001',
    `{"code":0,"data":${'['.repeat(100_000)}`,
  ])('is a failure, and the list stays: %j', async (body) => {
    const notes = new Notes()
    discovery.watch('web', notes)
    await vi.waitFor(() => expect(notes.ports).toEqual([1]))
    fake.intercept = () => ({ body })
    await expect(discovery.getInstances('web')).rejects.toMatchObject({ code: 'LB_DISCOVERY', service: 'web' })
    await clock.advance(10_000)
    await vi.waitFor(() => expect(notes.errors).toHaveLength(1))
    expect(notes.errors[0]?.message).toMatch(/^web: NacosDiscovery: /)
    expect(notes.errors[0]?.message.length).toBeLessThan(1_000)
    expect(notes.lists).toHaveLength(1)
  })

  it('at any byte is a failure, or says the same: cut off there', async () => {
    const bytes = Buffer.from(good)
    const whole = await answered(bytes)
    expect(whole).toHaveLength(1)
    for (let length = 0; length < bytes.length; length++) {
      await expect(answered(bytes.subarray(0, length)), String(length)).rejects.toMatchObject({ code: 'LB_DISCOVERY' })
    }
  })

  it('at any byte is a failure, or drops an instance, or is a list: another byte there', async () => {
    const bytes = Buffer.from(good)
    for (let index = 0; index < bytes.length; index++) {
      for (const byte of [0x00, 0x22, 0x39, 0x7d, 0xff]) {
        const changed = Buffer.from(bytes)
        changed[index] = byte
        const result = await answered(changed).catch((error: unknown) => error)
        if (Array.isArray(result)) expect(result.length).toBeLessThanOrEqual(1)
        else expect(result).toMatchObject({ code: 'LB_DISCOVERY' })
      }
    }
  })

  function answered(body: Buffer): Promise<unknown> {
    fake.intercept = () => ({ body })
    return discovery.getInstances('web')
  }

  it('in version 1 is a failure as well', async () => {
    fake.version = '2.5'
    await discovery.getInstances('web')
    for (const body of ['', 'ok', 'null', '[]', '{}', '{"hosts":null}', '{"hosts":{}}', '{"hosts":"x"}']) {
      await expect(answered(Buffer.from(body)), body).rejects.toMatchObject({ code: 'LB_DISCOVERY' })
    }
  })

  it('of a server at fault is shown on one line, and not at length', async () => {
    fake.intercept = () => ({ status: 500, body: `line 1\nline 2\u001b[31m${'x'.repeat(10_000)}` })
    const error = (await discovery.getInstances('web').catch((cause: Error) => cause)) as Error
    expect(error.message).toContain('answered 500 to /nacos/v3/client/ns/instance/list: line 1 line 2')
    expect(error.message).not.toContain('\n')
    expect(error.message).not.toContain('\u001b')
    expect(error.message.length).toBeLessThan(600)
  })
})

it('one bad instance drops only itself, with an event that names the field', async () => {
  const host = { ip: '10.0.0.1', port: 1, healthy: true }
  const bad = [
    { ...host, port: 0 },
    { ...host, weight: 'x' },
    { ...host, ip: 'a b' },
    { ...host, healthy: 1 },
    { ...host, metadata: { a: 1 } },
    '6.6.6.6:80',
    7,
  ]
  fake.intercept = () => ({ body: JSON.stringify({ code: 0, data: [host, ...bad, { ...host, port: 2 }] }) })
  const lb = new LoadBalancer({ discovery, clock })
  const events: LoadBalancerEvent[] = []
  lb.subscribe((event) => events.push(event))
  await lb.ready('web')
  expect(lb.inspect('web').instances.map(({ instance }) => instance.port)).toEqual([1, 2])
  const fields = events.flatMap((event) => (event.type === 'instance-rejected' ? [event.error.field] : []))
  expect(fields).toEqual(['port', 'weight', 'host', 'healthy', 'metadata.a', 'host', 'host'])
  await lb.close()
})

describe('after failures', () => {
  it('questions come less often, at most once in a minute, and as before when they are answered', async () => {
    fake.intercept = () => ({ status: 500, body: 'no' })
    const notes = new Notes()
    discovery.watch('web', notes)
    const delays = [1, 2, 4, 8, 16, 32, 60, 60]
    for (const [index, seconds] of delays.entries()) {
      await vi.waitFor(() => expect(notes.errors).toHaveLength(index + 1))
      await clock.advance(seconds * 1_000 - 1)
      expect(notes.errors).toHaveLength(index + 1)
      await clock.advance(1)
    }
    await vi.waitFor(() => expect(notes.errors).toHaveLength(delays.length + 1))
    fake.intercept = () => undefined
    await clock.advance(60_000)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
    await clock.advance(10_000)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(2))
  })

  it('questions wait for as long as the server asks, at most a minute', async () => {
    fake.intercept = () => ({ status: 429, headers: { 'retry-after': '20' }, body: 'slow down' })
    const notes = new Notes()
    discovery.watch('web', notes)
    await vi.waitFor(() => expect(notes.errors).toHaveLength(1))
    await clock.advance(19_999)
    expect(notes.errors).toHaveLength(1)
    fake.intercept = () => ({ status: 429, headers: { 'retry-after': '86400' }, body: 'slow down' })
    await clock.advance(1)
    await vi.waitFor(() => expect(notes.errors).toHaveLength(2))
    fake.intercept = () => undefined
    await clock.advance(60_000)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
  })
})
