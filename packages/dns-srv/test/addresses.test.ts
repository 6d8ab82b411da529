import { LoadBalancer } from '@lb/core'
import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DnsDiscovery, type DnsDiscoveryOptions } from '../src/index.ts'
import { addressesOf } from './discovery-on-loopback.ts'
import { type AnswerParts, address, alias, LoopbackNameServer } from './loopback-name-server.ts'

let server: LoopbackNameServer
const opened: DnsDiscovery[] = []

beforeEach(async () => {
  server = await LoopbackNameServer.start()
})
afterEach(async () => {
  for (const discovery of opened.splice(0)) await discovery.close()
  await server.close()
})

function open(options: Partial<DnsDiscoveryOptions> = {}): DnsDiscovery {
  const name = '{service}.lb.test.'
  const common = { name, servers: [server.address], port: 80, timeoutMs: 20_000, tries: 1, checkRoutes: false }
  const discovery = new DnsDiscovery({ ...common, ...options })
  opened.push(discovery)
  return discovery
}

const answers = (...texts: string[]): AnswerParts => ({
  answers: texts.map((each) => address('web.lb.test', each)),
})

describe('DnsDiscovery', () => {
  it('has an instance for each address of both families, at the given port', async () => {
    server.zone({ 'A web.lb.test': answers('10.0.0.1', '10.0.0.2'), 'AAAA web.lb.test': answers('2001:db8::1') })
    expect(await open({ port: 8443, secure: true }).getInstances('web')).toMatchObject([
      { host: '10.0.0.1', port: 8443, secure: true },
      { host: '10.0.0.2', port: 8443, secure: true },
      { host: '2001:db8::1', port: 8443, secure: true },
    ])
  })

  it('asks for one family only when told to', async () => {
    server.zone({ 'A web.lb.test': answers('10.0.0.1') })
    expect(addressesOf(await open({ family: 4 }).getInstances('web'))).toEqual(['10.0.0.1:80'])
    expect(server.asked).toEqual(['A web.lb.test'])
  })

  it('follows aliases and search domains', async () => {
    server.zone({
      'A web.b.test': { answers: [alias('web.b.test', 'x.test'), address('x.test', '10.0.0.1')] },
    })
    const discovery = open({ name: '{service}', search: ['a.test', 'b.test'] })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:80'])
  })

  it('has no instances when the name does not exist, and fails when that is not known', async () => {
    server.zone({})
    expect(await open().getInstances('web')).toEqual([])
    server.answer(() => ({ code: 2 }))
    await expect(open().getInstances('web')).rejects.toThrow('web: the lookup failed: web.lb.test')
    // No address of one family says nothing of the other.
    server.answer(({ type }) => (type === 'A' ? { code: 2 } : {}))
    await expect(open().getInstances('web')).rejects.toThrow('SERVFAIL')
  })

  it('uses the addresses of one family while the server fails for the other, and sees them change', async () => {
    const clock = new FakeClock()
    let host = '10.0.0.1'
    server.answer(({ type }) => (type === 'A' ? answers(host) : { code: 2 }))
    const notes = new Notes()
    open({ clock, random: () => 0 }).watch('web', notes)
    await vi.waitFor(() => expect(notes.lists.map(addressesOf)).toEqual([['10.0.0.1:80']]))
    host = '10.0.0.2'
    await clock.advance(5_000)
    await vi.waitFor(() => expect(notes.lists.map(addressesOf).at(-1)).toEqual(['10.0.0.2:80']))
    expect(notes.errors).toEqual([])
  })

  it('emits an error, and keeps the list, when what it knows of both families is out of date', async () => {
    const clock = new FakeClock()
    let fails = false
    server.answer(({ type }) => (fails ? { code: 2 } : type === 'A' ? answers('10.0.0.1') : {}))
    const notes = new Notes()
    open({ clock, random: () => 0 }).watch('web', notes)
    await vi.waitFor(() => expect(notes.calls).toBe(1))
    fails = true
    await clock.advance(5_000)
    await vi.waitFor(() => expect(notes.messages).toEqual([expect.stringContaining('SERVFAIL')]))
    expect(notes.lists).toHaveLength(1)
  })
})

describe('an instance that is missing from an answer', () => {
  /** The instances known after each of the answers. */
  async function knownAfter(options: Partial<DnsDiscoveryOptions>, ...lists: string[][]): Promise<string[][]> {
    const clock = new FakeClock()
    let round = -1
    server.answer(({ type }) => {
      if (type === 'A') round++
      return type === 'A' ? answers(...(lists[round] ?? [])) : {}
    })
    const lb = new LoadBalancer({ discovery: open({ clock, random: () => 0, ...options }), clock, random: () => 0 })
    await lb.ready('web')
    const known: string[][] = []
    for (const list of lists) {
      await vi.waitFor(() => {
        expect(lb.inspect('web').listAgeMs).toBe(0)
        expect(lb.inspect('web').instances.map(({ instance }) => instance.host)).toEqual(expect.arrayContaining(list))
      })
      known.push(lb.inspect('web').instances.map(({ instance }) => instance.host.slice('10.0.0.'.length)))
      await clock.advance(5_000)
    }
    await lb.close()
    return known
  }
  const [first, second] = [
    ['10.0.0.1', '10.0.0.2'],
    ['10.0.0.1', '10.0.0.3'],
  ]

  it('stays for three times to live', async () => {
    expect(await knownAfter({}, first, second, second, second, second)).toEqual([
      ['1', '2'],
      ['1', '2', '3'],
      ['1', '2', '3'],
      ['1', '2', '3'],
      ['1', '3'],
    ])
  })

  it('stays for missingGraceMs, and not at all when that is 0', async () => {
    expect((await knownAfter({ missingGraceMs: 5_000 }, first, second, second)).at(-1)).toEqual(['1', '3'])
    expect(await knownAfter({ missingGraceMs: 0 }, first, second)).toEqual([
      ['1', '2'],
      ['1', '3'],
    ])
  })

  it('goes at once when the answer is shorter than an earlier one', async () => {
    expect((await knownAfter({}, first, ['10.0.0.1'])).at(-1)).toEqual(['1'])
  })

  it('stays by the longest time to live so far, up to 30 s: those of a server that caches count down', async () => {
    const clock = new FakeClock()
    let ttl = 0
    server.answer(({ type }) => (type === 'A' ? { answers: [address('web.lb.test', '10.0.0.1', ttl)] } : {}))
    const samples: unknown[] = []
    const next = (_list: unknown, _rejected: unknown, sample: unknown): void => {
      samples.push(sample)
    }
    const subscription = open({ clock, random: () => 0 }).watch('web', { next, error: expect.unreachable })
    for (const [before, nextTtl] of [20, 3, 600, 0].entries()) {
      const refreshMs = Math.min(Math.max(ttl, 1), 30) * 1_000
      await vi.waitFor(() => expect(samples).toHaveLength(before + 1), { interval: 2 })
      ttl = nextTtl
      await clock.advance(refreshMs)
    }
    subscription.close()
    expect(samples.slice(0, 4)).toEqual([1_000, 20_000, 20_000, 30_000].map((ttlMs) => ({ ttlMs })))
  })
})
