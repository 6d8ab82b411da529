import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DnsSdDiscovery, type DnsSdDiscoveryOptions } from '../src/index.ts'
import {
  type AnswerParts,
  address,
  answerTo,
  LoopbackNameServer,
  pointer,
  srv,
  text,
  withPrefix,
} from './loopback-name-server.ts'

let server: LoopbackNameServer
const opened: DnsSdDiscovery[] = []

beforeEach(async () => {
  server = await LoopbackNameServer.start()
})
afterEach(async () => {
  for (const discovery of opened.splice(0)) await discovery.close()
  await server.close()
})

function open(options: DnsSdDiscoveryOptions = {}): DnsSdDiscovery {
  const common = { name: '_{service}._tcp.test.', servers: [server.address], tries: 1, checkRoutes: false }
  const discovery = new DnsSdDiscovery({ ...common, timeoutMs: 20_000, ...options })
  opened.push(discovery)
  return discovery
}

const type = '_http._tcp.test'
const [one, two] = [`One.${type}`, `Two.${type}`]

/** Instances `One` and `Two`, at 10.0.0.1 and 10.0.0.2, with these attributes. */
function twoInstances(attributes: readonly string[] = [], further: Record<string, AnswerParts> = {}): void {
  server.zone({
    [`PTR ${type}`]: { answers: [pointer(type, two), pointer(type, one)] },
    [`SRV one.${type}`]: { answers: [srv(one, 'a.test')] },
    [`SRV two.${type}`]: { answers: [srv(two, 'b.test', { port: 81, priority: 3, weight: 7 })] },
    [`TXT one.${type}`]: { answers: [text(one, attributes)] },
    [`TXT two.${type}`]: { answers: [text(two, [''])] },
    'A a.test': { answers: [address('a.test', '10.0.0.1')] },
    'A b.test': { answers: [address('b.test', '10.0.0.2')] },
    ...further,
  })
}

function byHost(instances: readonly ServiceInstanceInit[]): Record<string, object> {
  return Object.fromEntries(instances.map(parseInstance).map((instance) => [instance.host, instance]))
}

describe('browsing', () => {
  it('finds the instances that PTR records name, with what SRV records say of each', async () => {
    twoInstances()
    expect(byHost(await open().getInstances('http'))).toMatchObject({
      '10.0.0.1': { port: 8080, weight: 1, priority: 0, metadata: { instance: 'One', target: 'a.test' } },
      '10.0.0.2': { port: 81, weight: 7, priority: 3, metadata: { instance: 'Two', target: 'b.test' } },
    })
  })

  it('takes what the server sends along, and asks for nothing more', async () => {
    server.zone({
      [`PTR ${type}`]: {
        answers: [pointer(type, one)],
        additionals: [srv(one, 'a.test'), text(one, ['version=2']), address('a.test', '10.0.0.1')],
      },
    })
    expect(byHost(await open().getInstances('http'))).toMatchObject({ '10.0.0.1': { metadata: { version: '2' } } })
    expect(server.asked).toEqual([`PTR ${type}`])
  })

  it('takes the addresses that come with an SRV record', async () => {
    twoInstances([], {
      [`SRV one.${type}`]: { answers: [srv(one, 'a.test')], additionals: [address('a.test', '10.0.0.9')] },
    })
    expect(Object.keys(byHost(await open().getInstances('http'))).sort()).toEqual(['10.0.0.2', '10.0.0.9'])
    expect(server.asked).not.toContain('A a.test')
  })

  it('leaves the target as the host with resolveTargets: false', async () => {
    twoInstances()
    expect(Object.keys(byHost(await open({ resolveTargets: false }).getInstances('http')))).toEqual([
      'a.test',
      'b.test',
    ])
  })

  it.each([
    ['no service of that type', {}],
    ['a name that points to the root', { [`PTR ${type}`]: { answers: [pointer(type, '.')] } }],
    ['an instance that is gone', { [`PTR ${type}`]: { answers: [pointer(type, `Gone.${type}`)] } }],
    [
      'an instance that is decidedly not available',
      { [`PTR ${type}`]: { answers: [pointer(type, one)], additionals: [srv(one, '.'), text(one, [])] } },
    ],
  ])('finds no instance when there is %s', async (_, zone) => {
    server.zone(zone)
    expect(await open().getInstances('http')).toEqual([])
  })

  it('names an instance at an address that two names have by the first of them', async () => {
    twoInstances(['of=one'], { [`SRV two.${type}`]: { answers: [srv(two, 'a.test', { weight: 3 })] } })
    const instances = await open().getInstances('http')
    expect(instances).toMatchObject([{ host: '10.0.0.1', weight: 4, metadata: { instance: 'One', of: 'one' } }])
  })
})

describe('names of instances', () => {
  // What stands for a dot is replaced: dns-packet cannot write one within a label.
  const placeholder = '\u007f'

  it.each(['Web One', 'v1.2', 'Küche ☕ ÄÖÜ', 'back\\slash', 'line\nbreak', 'a.b. c', 'x'.repeat(63)])(
    'may be %j: asked for as they are, in the metadata as people wrote them',
    async (label) => {
      const full = `${label.replaceAll('.', placeholder)}.${type}`
      server.onQuery = (query, from) => {
        const isBrowse = query.type === 'PTR'
        const parts = isBrowse
          ? { answers: [pointer(type, full)] }
          : query.type === 'SRV'
            ? { answers: [srv(full, 'a.test')], additionals: [address('a.test', '10.0.0.1')] }
            : { answers: [text(full, ['a=b'])] }
        const bytes = answerTo(query.bytes, parts)
        // The question goes back as it came, byte for byte.
        query.bytes.copy(bytes, 12, 12, 12 + Buffer.byteLength(isBrowse ? type : full) + 2)
        // Not in the header: its id may have the same byte.
        const body = bytes.subarray(12)
        for (let at = body.indexOf(placeholder); at >= 0; at = body.indexOf(placeholder)) body.write('.', at)
        from.send(query, bytes)
      }
      expect(await open().getInstances('http')).toMatchObject([
        { host: '10.0.0.1', metadata: { instance: label, a: 'b' } },
      ])
      const expected = label.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
      const asked = server.queries.find((query) => query.type === 'SRV')?.bytes
      expect(asked?.toString('utf8', 13, 13 + Buffer.byteLength(label))).toBe(expected)
    },
  )
})

describe('TXT records', () => {
  it('become metadata: keys in lower case, the first of two, values as they are', async () => {
    twoInstances(['Version=1.2', 'VERSION=9', 'flag', 'empty=', 'a=b=c', '=none', '', '__proto__=x'])
    const [instance] = (await open().getInstances('http')).map(parseInstance)
    expect(JSON.stringify(instance?.metadata)).toBe(
      '{"version":"1.2","flag":"","empty":"","a":"b=c","__proto__":"x","target":"a.test","instance":"One"}',
    )
  })

  it('cannot take the place of what the discovery says itself', async () => {
    twoInstances(['target=evil', 'instance=evil', 'weight=100', 'zone=evil'])
    const instance = byHost(await open().getInstances('http'))['10.0.0.1']
    expect(instance).toMatchObject({ weight: 1, metadata: { target: 'a.test', instance: 'One' } })
    expect(instance).not.toHaveProperty('zone')
  })

  it('give weight, zone and version, by option', async () => {
    twoInstances(['w=2.5', 'AZ=eu-1', 'rel=7'])
    const txtKeys = { weight: 'w', zone: 'az', version: 'rel' }
    expect(byHost(await open({ txtKeys }).getInstances('http'))).toMatchObject({
      '10.0.0.1': { weight: 2.5, zone: 'eu-1', metadata: { version: '7' } },
      '10.0.0.2': { weight: 7, metadata: { instance: 'Two' } },
    })
  })

  it.each(['-1', 'heavy', '1e3', 'Infinity', '', ' 1'])(
    'with the weight %j reject the instance by its name',
    async (weight) => {
      twoInstances([`w=${weight}`])
      const notes = new Notes()
      open({ txtKeys: { weight: 'w' } }).watch('http', notes)
      await vi.waitFor(() => expect(notes.rejected).toMatchObject([[{ field: 'weight' }]]))
      expect(notes.rejected[0]?.[0]?.message).toContain('the instance "One": weight in its TXT record must be a number')
      expect(Object.keys(byHost(notes.lists.at(-1) ?? []))).toEqual(['10.0.0.2'])
    },
  )
})

describe('when a part cannot be looked up,', () => {
  const failing = { code: 2 }

  it.each(['SRV', 'TXT'])('a %s record: its instance is left out, and asked for again in 5 s', async (record) => {
    twoInstances([], { [`${record} one.${type}`]: failing })
    const clock = new FakeClock()
    const notes = new Notes()
    open({ clock, random: () => 0 }).watch('http', notes)
    await vi.waitFor(() => expect(Object.keys(byHost(notes.lists.at(-1) ?? []))).toEqual(['10.0.0.2']))
    twoInstances()
    await clock.advance(5_000)
    await vi.waitFor(() =>
      expect(Object.keys(byHost(notes.lists.at(-1) ?? [])).sort()).toEqual(['10.0.0.1', '10.0.0.2']),
    )
  })

  it('an instance keeps what was known of it', async () => {
    twoInstances(['v=1'])
    const clock = new FakeClock()
    const notes = new Notes()
    open({ clock, random: () => 0 }).watch('http', notes)
    await vi.waitFor(() => expect(notes.calls).toBe(1))
    twoInstances([], { [`SRV one.${type}`]: failing, [`TXT one.${type}`]: failing, 'A a.test': failing })
    await clock.advance(5_000)
    await vi.waitFor(() => expect(notes.calls).toBe(2))
    expect(notes.lists[1]).toEqual(notes.lists[0])
  })

  it.each([
    ['the PTR record', { [`PTR ${type}`]: failing }],
    ['every instance', { [`SRV one.${type}`]: failing, [`SRV two.${type}`]: failing }],
  ])('%s, it fails', async (_, zone) => {
    twoInstances([], zone)
    await expect(open().getInstances('http')).rejects.toThrow('SERVFAIL')
  })
})

describe('a hostile answer', () => {
  it('with more than 1 024 names is refused', async () => {
    server.onQuery = (query, from) => from.send(query, answerTo(query.bytes, { flags: 0x0200 }))
    const names = Array.from({ length: 1_025 }, (_, index) => pointer(type, `i${index}.${type}`))
    server.onConnection = (query, connection) => {
      connection.write(withPrefix(answerTo(query, { answers: names })))
    }
    await expect(open().getInstances('http')).rejects.toThrow('1025 instances, more than 1024')
  })

  it.each([
    ['a string longer than its record', [200, 97]],
    ['a length without a string', [1, 97, 1]],
  ])('with a TXT record that has %s fails', async (_, data) => {
    twoInstances(['placeholder'])
    const answer = server.onQuery
    server.onQuery = (query, from) => {
      if (query.type !== 'TXT') return answer(query, from)
      const bytes = answerTo(query.bytes, { answers: [text(one, ['x'.repeat(data.length - 1)])] })
      Buffer.from(data).copy(bytes, bytes.length - data.length)
      return from.send(query, bytes)
    }
    await expect(open().getInstances('http')).rejects.toThrow('malformed')
  })
})
