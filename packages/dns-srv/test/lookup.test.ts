import { DiscoveryError } from '@lb/core'
import { Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DnsSrvDiscovery } from '../src/index.ts'
import { addressesOf, described, discoveryOn, serviceName } from './discovery-on-loopback.ts'
import { type AnswerParts, address, alias, LoopbackNameServer, soa, srv } from './loopback-name-server.ts'

let server: LoopbackNameServer
let discovery: DnsSrvDiscovery

beforeEach(async () => {
  server = await LoopbackNameServer.start()
  discovery = discoveryOn(server)
})

afterEach(async () => {
  await discovery.close()
  await server.close()
})

describe('addresses of targets', () => {
  it('come from the additional section, without another question', async () => {
    const additionals = [address('a.lb.test', '10.0.0.1'), address('A.lb.TEST', '2001:db8:0:0::1')]
    server.zone({ [`SRV ${serviceName}`]: { answers: [srv(serviceName, 'a.lb.test')], additionals } })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080', '2001:db8::1:8080'])
    expect(server.asked).toEqual([`SRV ${serviceName}`])
  })

  it('are asked for when the answer brought none, for both families', async () => {
    server.zone({
      [`SRV ${serviceName}`]: { answers: [srv(serviceName, 'a.lb.test'), srv(serviceName, 'b.lb.test')] },
      'A a.lb.test': { answers: [address('a.lb.test', '10.0.0.1'), address('a.lb.test', '10.0.0.2')] },
      'AAAA a.lb.test': { authorities: [soa('lb.test', 5, 5)] },
      'A b.lb.test': { authorities: [soa('lb.test', 5, 5)] },
      'AAAA b.lb.test': { answers: [address('b.lb.test', '2001:db8::2')] },
    })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual([
      '10.0.0.1:8080',
      '10.0.0.2:8080',
      '2001:db8::2:8080',
    ])
    expect(server.asked).toEqual([
      'A a.lb.test',
      'A b.lb.test',
      'AAAA a.lb.test',
      'AAAA b.lb.test',
      `SRV ${serviceName}`,
    ])
  })

  it('are asked for through aliases', async () => {
    server.zone({
      [`SRV ${serviceName}`]: { answers: [srv(serviceName, 'a.lb.test')] },
      'A a.lb.test': { answers: [alias('a.lb.test', 'b.lb.test'), address('b.lb.test', '10.0.0.2')] },
    })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.2:8080'])
  })

  it('are of one family when asked for so', async () => {
    discovery = discoveryOn(server, { family: 6 })
    const additionals = [address('a.lb.test', '10.0.0.1'), address('a.lb.test', '2001:db8::1')]
    server.zone({
      [`SRV ${serviceName}`]: { answers: [srv(serviceName, 'a.lb.test'), srv(serviceName, 'b.lb.test')], additionals },
      'AAAA b.lb.test': { answers: [address('b.lb.test', '2001:db8::2')] },
    })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['2001:db8::1:8080', '2001:db8::2:8080'])
    expect(server.asked).toEqual(['AAAA b.lb.test', `SRV ${serviceName}`])
  })

  it('are not looked up when the target is to be the host', async () => {
    discovery = discoveryOn(server, { resolveTargets: false })
    const additionals = [address('a.lb.test', '10.0.0.1')]
    server.zone({ [`SRV ${serviceName}`]: { answers: [srv(serviceName, 'a.lb.test', { weight: 7 })], additionals } })
    expect(await discovery.getInstances('web')).toMatchObject([
      { host: 'a.lb.test', port: 8080, weight: 7, priority: 0 },
    ])
    expect(server.asked).toEqual([`SRV ${serviceName}`])
  })

  it('name their target in the metadata', async () => {
    const additionals = [address('a.lb.test', '10.0.0.1')]
    server.zone({ [`SRV ${serviceName}`]: { answers: [srv(serviceName, 'a.lb.test')], additionals } })
    expect(await discovery.getInstances('web')).toMatchObject([{ metadata: { target: 'a.lb.test' } }])
  })

  it('leave out a target that does not exist', async () => {
    const additionals = [address('a.lb.test', '10.0.0.1')]
    server.zone({
      [`SRV ${serviceName}`]: {
        answers: [srv(serviceName, 'a.lb.test'), srv(serviceName, 'gone.lb.test')],
        additionals,
      },
    })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
  })

  it('are not asked for when a target is no host name: it is rejected by its name', async () => {
    const additionals = [address('a.lb.test', '10.0.0.1')]
    const answers = [srv(serviceName, 'a.lb.test'), srv(serviceName, 'no host.test')]
    server.zone({ [`SRV ${serviceName}`]: { answers, additionals } })
    const notes = new Notes()
    discovery.watch('web', notes)
    await vi.waitFor(() => expect(notes.hosts).toEqual(['10.0.0.1']))
    expect(notes.rejected).toMatchObject([
      [{ field: 'host', message: expect.stringContaining('the SRV record of no\\032host.test port 8080: ') }],
    ])
    expect(server.asked).toEqual([`SRV ${serviceName}`])
  })

  it('leave out a target that cannot be looked up, and fail when it is the only one', async () => {
    const targets = [srv(serviceName, 'a.lb.test'), srv(serviceName, 'broken.lb.test')]
    const broken = { 'A broken.lb.test': { code: 2 }, 'AAAA broken.lb.test': { code: 2 } }
    const additionals = [address('a.lb.test', '10.0.0.1')]
    server.zone({ [`SRV ${serviceName}`]: { answers: targets, additionals }, ...broken })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
    server.zone({ [`SRV ${serviceName}`]: { answers: targets.slice(1) }, ...broken })
    await expect(discovery.getInstances('web')).rejects.toThrow('broken.lb.test')
  })
})

describe('a service', () => {
  it('has none when its only target is the root (RFC 2782)', async () => {
    server.zone({ [`SRV ${serviceName}`]: { answers: [srv(serviceName, '.', { port: 0, weight: 0 })] } })
    expect(await discovery.getInstances('web')).toEqual([])
    expect(server.asked).toEqual([`SRV ${serviceName}`])
  })

  it('has the others when the root is one of several targets', async () => {
    const additionals = [address('a.lb.test', '10.0.0.1')]
    const answers = [srv(serviceName, '.'), srv(serviceName, 'a.lb.test')]
    server.zone({ [`SRV ${serviceName}`]: { answers, additionals } })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
  })

  it.each<[string, AnswerParts]>([
    ['the name does not exist', { code: 3, authorities: [soa('lb.test', 5, 5)] }],
    ['the name does not exist, without a SOA', { code: 3 }],
    ['the name has no SRV records', { authorities: [soa('lb.test', 5, 5)] }],
    ['the answer is empty', {}],
  ])('has none when %s', async (_, parts) => {
    server.answer(() => parts)
    expect(await discovery.getInstances('web')).toEqual([])
  })

  it.each<[string, AnswerParts]>([
    ['SERVFAIL', { code: 2 }],
    ['REFUSED', { code: 5 }],
    ['NOTIMP', { code: 4 }],
    ['response code 9', { code: 9 }],
    [
      'refers to other servers',
      { flags: 0, authorities: [{ type: 'NS', name: 'lb.test', ttl: 5, data: 'ns.elsewhere.test' }] },
    ],
    ['records of another name', { answers: [srv('_http._tcp.other.lb.test', 'a.lb.test')] }],
    ['records of another name', { code: 3, answers: [srv(serviceName, 'a.lb.test')] }],
  ])('is not known when the server says: %s', async (message, parts) => {
    server.answer(() => parts)
    const failure = await discovery.getInstances('web').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(DiscoveryError)
    expect(failure).toMatchObject({ service: 'web', message: expect.stringContaining(message) })
    expect((failure as Error).message).toContain(server.address.split(':')[1] ?? '')
  })

  it('keeps port and priority, and what the weights say', async () => {
    const additionals = [address('a.lb.test', '10.0.0.1'), address('b.lb.test', '10.0.0.2')]
    const answers = [
      srv(serviceName, 'a.lb.test', { port: 1, priority: 7, weight: 3 }),
      srv(serviceName, 'b.lb.test', { port: 65_535, priority: 65_535, weight: 65_535 }),
    ]
    server.zone({ [`SRV ${serviceName}`]: { answers, additionals } })
    expect(described(await discovery.getInstances('web'))).toEqual([
      '10.0.0.1:1 weight 3 priority 7',
      '10.0.0.2:65535 weight 65535 priority 65535',
    ])
  })
})

describe('aliases', () => {
  const additionals = [address('a.lb.test', '10.0.0.1')]

  it('are followed within one answer', async () => {
    const answers = [srv('c.lb.test', 'a.lb.test'), alias('b.lb.test', 'c.lb.test'), alias(serviceName, 'b.lb.test')]
    server.zone({ [`SRV ${serviceName}`]: { answers, additionals } })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
    expect(server.asked).toEqual([`SRV ${serviceName}`])
  })

  it('are followed by asking when the answer ends with one', async () => {
    server.zone({
      [`SRV ${serviceName}`]: { answers: [alias(serviceName, 'b.lb.test')] },
      'SRV b.lb.test': { answers: [alias('b.lb.test', 'c.lb.test')] },
      'SRV c.lb.test': { answers: [srv('c.lb.test', 'a.lb.test')], additionals },
    })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
  })

  it('to a name without records are a service without instances', async () => {
    server.zone({ [`SRV ${serviceName}`]: { code: 3, answers: [alias(serviceName, 'gone.test')] } })
    expect(await discovery.getInstances('web')).toEqual([])
  })

  it('may be eight in a row', async () => {
    const names = [serviceName, ...Array.from({ length: 8 }, (_, index) => `n${index}.lb.test`)]
    const chain = names.slice(1).map((name, index) => alias(names[index] ?? '', name))
    server.zone({ [`SRV ${serviceName}`]: { answers: [...chain, srv('n7.lb.test', 'a.lb.test')], additionals } })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
    const longer = [...chain, alias('n7.lb.test', 'n8.lb.test'), srv('n8.lb.test', 'a.lb.test')]
    server.zone({ [`SRV ${serviceName}`]: { answers: longer, additionals } })
    await expect(discovery.getInstances('web')).rejects.toThrow('more than 8 aliases in a row')
  })

  it.each([
    ['in one answer', [alias(serviceName, 'b.lb.test'), alias('b.lb.test', serviceName)]],
    ['of one', [alias(serviceName, serviceName)]],
  ])('in a circle end: %s', async (_, answers) => {
    server.zone({ [`SRV ${serviceName}`]: { answers } })
    await expect(discovery.getInstances('web')).rejects.toThrow('more than 8 aliases in a row')
  })

  it('in a circle over several answers end', async () => {
    server.zone({
      [`SRV ${serviceName}`]: { answers: [alias(serviceName, 'b.lb.test')] },
      'SRV b.lb.test': { answers: [alias('b.lb.test', serviceName)] },
    })
    await expect(discovery.getInstances('web')).rejects.toThrow('more than 8 aliases in a row')
  })
})
