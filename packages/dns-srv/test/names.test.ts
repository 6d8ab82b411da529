import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiscoveryError } from '@lb/core'
import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DnsSrvDiscovery, type DnsSrvDiscoveryOptions } from '../src/index.ts'
import { addressesOf } from './discovery-on-loopback.ts'
import { type AnswerParts, address, LoopbackNameServer, srv } from './loopback-name-server.ts'

let server: LoopbackNameServer
let folder: string
const opened: DnsSrvDiscovery[] = []

beforeEach(async () => {
  server = await LoopbackNameServer.start()
  folder = mkdtempSync(join(tmpdir(), 'lb-dns-srv-'))
})

afterEach(async () => {
  for (const discovery of opened.splice(0)) await discovery.close()
  await server.close()
  rmSync(folder, { recursive: true })
})

function open(options: DnsSrvDiscoveryOptions): DnsSrvDiscovery {
  const discovery = new DnsSrvDiscovery({ resolvConf: join(folder, 'none'), timeoutMs: 200, tries: 1, ...options })
  opened.push(discovery)
  return discovery
}

function resolvConf(text: string): string {
  const path = join(folder, 'resolv.conf')
  writeFileSync(path, text)
  return path
}

function asked(): string[] {
  return server.queries.map(({ name }) => name)
}

function one(name: string, host = '10.0.0.1'): AnswerParts {
  return { answers: [srv(name, 'a.lb.test')], additionals: [address('a.lb.test', host)] }
}

/** Only `names` have records; all others do not exist. */
function onlyNames(...names: string[]): void {
  server.answer(({ name }) => (names.includes(name) ? one(name) : { code: 3 }))
}

describe('the name that is asked for', () => {
  it.each<[string, DnsSrvDiscoveryOptions, string]>([
    ['is _http._tcp.<service> by default', {}, '_http._tcp.web'],
    ['is a text with the service in it', { name: '{service}.{service}.lb.test.' }, 'web.web.lb.test'],
    ['is the same text for all services', { name: 'all.lb.test.' }, 'all.lb.test'],
    ['is what a function says', { name: (service) => `_grpc._tcp.${service}.LB.test.` }, '_grpc._tcp.web.lb.test'],
  ])('%s', async (_, options, name) => {
    onlyNames(name)
    const discovery = open({ servers: [server.address], search: [], ...options })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
    expect(asked()).toEqual([name])
  })

  it.each<[string, DnsSrvDiscoveryOptions, string]>([
    ['a service that cannot be part of a name', {}, 'a b'],
    ['a service with a line break', {}, 'a\nb'],
    ['an empty service', {}, ''],
    ['a service that is too long', {}, 'a'.repeat(64)],
    ['a service of another script', {}, 'bücher'],
    [
      'a function that throws',
      {
        name: () => {
          throw new Error('no')
        },
      },
      'web',
    ],
    ['a function that gives no text', { name: () => 7 as unknown as string }, 'web'],
  ])('cannot be made of %s', async (_, options, service) => {
    const discovery = open({ servers: [server.address], search: [], ...options })
    await expect(discovery.getInstances(service)).rejects.toBeInstanceOf(DiscoveryError)
    const notes = new Notes()
    discovery.watch(service, notes)
    await vi.waitFor(() => expect(notes.errors).toHaveLength(1))
    expect(notes.errors[0]).toBeInstanceOf(DiscoveryError)
    expect(asked()).toEqual([])
  })
})

describe('the configuration of the system', () => {
  it('gives servers and search domains, in the order that ndots says', async () => {
    onlyNames('_http._tcp.web.svc.cluster.local')
    const path = resolvConf(
      `nameserver ${server.address}\nsearch default.svc.cluster.local svc.cluster.local\noptions ndots:5`,
    )
    expect(addressesOf(await open({ resolvConf: path }).getInstances('web'))).toEqual(['10.0.0.1:8080'])
    expect(asked()).toEqual(['_http._tcp.web.default.svc.cluster.local', '_http._tcp.web.svc.cluster.local'])
  })

  it('says whether TCP is used from the start; the option transport says otherwise', async () => {
    const resolved = one('_http._tcp.web')
    server.answer(({ overTcp }) => (overTcp ? resolved : undefined))
    const options = { servers: [server.address], search: [], resolvConf: resolvConf('options use-vc') }
    expect(addressesOf(await open(options).getInstances('web'))).toEqual(['10.0.0.1:8080'])
    expect(server.queries).toHaveLength(0)
    await expect(open({ ...options, transport: 'udp' }).getInstances('web')).rejects.toThrow('no answer within')
  })

  it('says how long and how often servers are asked, and the options timeoutMs and tries say otherwise', async () => {
    const clock = new FakeClock()
    const path = resolvConf(`nameserver ${server.address}\noptions timeout:3 attempts:4`)
    const asking = open({ resolvConf: path, search: [], timeoutMs: undefined, tries: undefined, clock })
    const failure = expect(asking.getInstances('web')).rejects.toThrow('no answer within 3000 ms')
    for (let query = 1; query <= 4; query++) {
      await vi.waitFor(() => expect(server.queries).toHaveLength(query), { interval: 2 })
      await clock.advance(3_000)
    }
    await failure
    await expect(open({ resolvConf: path, search: [], timeoutMs: 20, tries: 2 }).getInstances('web')).rejects.toThrow(
      '20 ms',
    )
    expect(server.queries).toHaveLength(6)
  })

  it('says that questions rotate among the servers', async () => {
    const other = await LoopbackNameServer.start()
    for (const each of [server, other]) each.answer(() => one('_http._tcp.web'))
    const servers = [server.address, other.address]
    const discovery = open({ servers, search: [], resolvConf: resolvConf('options rotate') })
    for (let question = 0; question < 4; question++) await discovery.getInstances('web')
    expect([server.queries.length, other.queries.length]).toEqual([2, 2])
    await other.close()
  })

  it('may be overridden in parts', async () => {
    onlyNames('_http._tcp.web.other.test')
    const path = resolvConf('nameserver 127.0.0.1:1\nsearch a.test')
    const discovery = open({ resolvConf: path, servers: [server.address], search: ['other.test.'] })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
    expect(asked()).toEqual(['_http._tcp.web', '_http._tcp.web.other.test'])
  })

  it('is read again when it has changed', async () => {
    onlyNames('_http._tcp.web')
    const clock = new FakeClock()
    const path = resolvConf('nameserver 127.0.0.1:1')
    const discovery = open({ resolvConf: path, clock })
    await expect(discovery.getInstances('web')).rejects.toThrow('ECONNREFUSED')
    resolvConf(`nameserver ${server.address}`)
    await expect(discovery.getInstances('web')).rejects.toThrow('ECONNREFUSED')
    await clock.advance(10_000)
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
  })

  it('need not be there: the servers are those that Node knows', async () => {
    const discovery = open({ resolvConf: join(folder, 'none'), timeoutMs: 1 })
    // Whatever they answer, or do not: they were asked.
    const outcome = await discovery.getInstances('web').then(
      () => 'answered',
      (error: Error) => error.message,
    )
    expect(outcome).not.toContain('no name server is configured')
  })
})

describe('of the searched names', () => {
  const [asIs, first, second] = ['_http._tcp.web', '_http._tcp.web.a.test', '_http._tcp.web.b.test']
  const search = ['a.test', 'b.test']

  it('all have no records: the service has no instances', async () => {
    onlyNames()
    expect(await open({ servers: [server.address], search }).getInstances('web')).toEqual([])
    expect(asked()).toEqual([asIs, first, second])
  })

  it('one is refused, the next has records: those count', async () => {
    server.answer(({ name }) => (name === first ? one(first) : { code: 5 }))
    expect(addressesOf(await open({ servers: [server.address], search }).getInstances('web'))).toEqual([
      '10.0.0.1:8080',
    ])
  })

  it('one is refused, the others have no records: nothing is known', async () => {
    server.answer(({ name }) => ({ code: name === asIs ? 5 : 3 }))
    await expect(open({ servers: [server.address], search }).getInstances('web')).rejects.toThrow('REFUSED')
  })

  it('one gets no answer: the others are not tried', async () => {
    server.answer(({ name }) => (name === asIs ? undefined : one(name)))
    await expect(open({ servers: [server.address], search }).getInstances('web')).rejects.toThrow('no answer')
    expect(asked()).toEqual([asIs])
  })

  it('the one that has records fails later: another one is no substitute', async () => {
    const clock = new FakeClock()
    let broken = false
    server.answer(({ name }) => {
      if (name === second) return one(second, '10.6.6.6')
      return name === first ? (broken ? { code: 2 } : one(first)) : { code: 3 }
    })
    const notes = new Notes()
    // Without jitter the refresh is due exactly at the end of the advance, and no time limit passes with it.
    open({ servers: [server.address], search, clock, random: () => 0 }).watch('web', notes)
    await vi.waitFor(() => expect(notes.lists.map(addressesOf)).toEqual([['10.0.0.1:8080']]))
    broken = true
    await clock.advance(5_000)
    await vi.waitFor(() => expect(notes.errors).toHaveLength(1))
    expect(notes.errors).toMatchObject([{ message: expect.stringContaining('SERVFAIL') }])
    expect(notes.lists).toHaveLength(1)
    expect(asked()).not.toContain(second)
  })
})
