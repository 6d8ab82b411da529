import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { DiscoveryError, parseInstance } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import { seededRandom } from '@lb/testing'
import { decode } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { AddressLookup } from '../src/address-lookup.ts'
import { BrowseLookup } from '../src/browse-lookup.ts'
import { DnsFailure } from '../src/errors.ts'
import type { Exchange } from '../src/exchange.ts'
import { KeptRecords } from '../src/kept-records.ts'
import type { Lookup } from '../src/lookup.ts'
import { lookupConfiguration } from '../src/lookup-configuration.ts'
import { Resolver } from '../src/resolver.ts'
import { SrvLookup, type SrvLookupOptions } from '../src/srv-lookup.ts'
import { TargetAddresses } from '../src/target-addresses.ts'
import { discoveryOn, serviceName } from './discovery-on-loopback.ts'
import {
  type AnswerParts,
  address,
  alias,
  answerTo,
  LoopbackNameServer,
  pointer,
  soa,
  srv,
  text,
} from './loopback-name-server.ts'

const seed = 20_240_607
const packets = 100_000

const honest: readonly AnswerParts[] = [
  {
    answers: [srv(serviceName, 'a.lb.test'), srv(serviceName, 'b.lb.test', { weight: 0, priority: 1 })],
    additionals: [address('a.lb.test', '10.0.0.1'), address('b.lb.test', '2001:db8::1')],
  },
  { answers: [srv(serviceName, 'a.lb.test')] },
  { answers: [alias(serviceName, 'x.lb.test'), srv('x.lb.test', '.', { port: 0 })] },
  { answers: [alias(serviceName, 'x.lb.test')], authorities: [soa('lb.test', 5, 5)] },
  { code: 3, authorities: [soa('lb.test', 5, 5)] },
  { flags: 0x0200 },
  { answers: Array.from({ length: 20 }, (_, index) => srv(serviceName, `h${index}.lb.test`, { port: index })) },
]

type Random = () => number

function below(random: Random, bound: number): number {
  return Math.floor(random() * bound)
}

/** One to eight changes. Most leave the head and the question alone, so that the answer is read at all. */
function mutated(honestAnswer: Buffer, random: Random, questionEnd: number): Buffer {
  let bytes = Buffer.from(honestAnswer)
  const from = random() < 0.9 ? Math.min(questionEnd, bytes.length) : 0
  for (let change = below(random, 8); change >= 0; change--) {
    const at = from + below(random, Math.max(1, bytes.length - from))
    switch (below(random, 8)) {
      case 0:
        bytes = bytes.subarray(0, at)
        break
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(from)])
        break
      case 2:
        bytes = Buffer.concat([bytes, Buffer.alloc(below(random, 300), below(random, 256))])
        break
      case 3:
        // A pointer, to anywhere.
        if (at + 1 < bytes.length) bytes.writeUInt16BE(0xc000 | below(random, bytes.length), at)
        break
      case 4:
        // How many records there are.
        if (bytes.length >= 12)
          bytes.writeUInt16BE(below(random, 4) === 0 ? 65_535 : below(random, 40), 6 + 2 * below(random, 3))
        break
      case 5:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8))
        break
      default:
        if (at < bytes.length) bytes[at] = below(random, 256)
    }
  }
  return bytes.subarray(0, 65_535)
}

/** How much is in use when nothing is left to collect. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}

/** What a server says of the name of an instance of DNS-SD, or of its host. */
const ofType: Readonly<Record<string, (name: string) => readonly AnswerParts[]>> = {
  PTR: (name) => {
    const names = [`one.${name}`, `two.${name}`]
    const answers = names.map((each) => pointer(name, each))
    const sentAlong = names.flatMap((each) => [srv(each, 'a.lb.test'), text(each, ['w=2', 'zone=a'])])
    return [
      { answers },
      { answers, additionals: [...sentAlong, address('a.lb.test', '10.0.0.1')] },
      { answers: [...answers, pointer(name, '.')] },
      { code: 3, authorities: [soa('lb.test', 5, 5)] },
    ]
  },
  SRV: (name) => [{ answers: [srv(name, 'a.lb.test')] }, { answers: [srv(name, '.')] }, { code: 3 }],
  TXT: (name) => [{ answers: [text(name, ['w=2', 'flag', 'zone=b', 'x'.repeat(200)])] }, {}],
  A: (name) => [{ answers: [address(name, '10.0.0.1')] }, { answers: [alias(name, 'b.lb.test')] }],
  AAAA: (name) => [{ answers: [address(name, '2001:db8::1')] }, { authorities: [soa('lb.test', 5, 5)] }],
}

interface Parts extends SrvLookupOptions {
  readonly addresses: TargetAddresses
}

const lookups: readonly (readonly [string, number, 'honest' | 'by type', (parts: Parts) => Lookup])[] = [
  ['of SRV records', packets, 'honest', (parts) => new SrvLookup(`${serviceName}.`, parts)],
  [
    'of DNS-SD',
    packets / 10,
    'by type',
    (parts) => new BrowseLookup(`${serviceName}.`, { ...parts, txtKeys: { weight: 'w' } }),
  ],
  [
    'of addresses',
    packets / 20,
    'by type',
    (parts) => new AddressLookup(`${serviceName}.`, { ...parts, port: 80, secure: false }),
  ],
]

describe.each(lookups)('mutated packets %s', (_, count, answers, lookupWith) => {
  it('become a list or a failure, and nothing else; none is worked on for long, none leaves anything behind', {
    timeout: 120_000,
  }, async () => {
    const random = seededRandom(seed)
    let sent = 0
    let read = 0
    let longestMs = 0
    const transport = ({ query, accepts }: Exchange): Promise<Buffer> => {
      const [{ name, type } = { name: '', type: 'A' }] = decode(query).questions ?? []
      const possible = answers === 'honest' ? honest : (ofType[type]?.(name) ?? [])
      const parts = possible[below(random, possible.length)] ?? {}
      const bytes = mutated(answerTo(query, parts), random, 12 + name.length + 2 + 4)
      sent++
      if (!accepts(bytes)) return Promise.reject(new DnsFailure('TIMEOUT', 'no answer'))
      read++
      return Promise.resolve(bytes)
    }
    const resolver = new Resolver({ clock: systemClock, overUdp: transport, overTcp: transport })
    // One that knows nothing yet: of another, the next packets would not be asked for.
    const newLookup = (): Lookup => {
      const records = new KeptRecords(resolver, systemClock)
      const addresses = new TargetAddresses({ records, family: undefined, checkRoutes: false })
      return lookupWith({ resolver, records, addresses })
    }
    let lookup = newLookup()
    const options = { servers: ['127.0.0.1'], timeoutMs: 1_000, tries: 1 }
    const configuration = await lookupConfiguration(options, systemClock)()
    const { signal } = new AbortController()
    let lists = 0
    let heapAtStart = 0
    while (sent < count) {
      if (heapAtStart === 0 && sent > count / 10) heapAtStart = heapBytes()
      const startMs = systemClock.now()
      try {
        if (answers === 'by type') lookup = newLookup()
        const { instances, ttlMs } = await lookup.ask({ ...configuration, signal, background: true })
        lists++
        expect(instances.length).toBeLessThanOrEqual(4_096)
        expect(ttlMs ?? 0).toBeGreaterThanOrEqual(0)
        for (const init of instances) expect(() => parseInstance(init)).not.toThrow(TypeError)
      } catch (cause) {
        if (!(cause instanceof DnsFailure)) throw cause
      }
      longestMs = Math.max(longestMs, systemClock.now() - startMs)
    }
    // It was no exercise in packets that nobody reads.
    expect(read).toBeGreaterThan(count / 2)
    expect(lists).toBeGreaterThan(count / 100)
    // Milliseconds each; the rest is for a machine that does something else meanwhile.
    expect(longestMs).toBeLessThan(1_000)
    // 90 000 packets that left 100 bytes each would be 9 MB.
    expect(heapBytes() - heapAtStart).toBeLessThan(4_000_000)
  })
})

describe('mutated packets', () => {
  it('become no other error over real sockets either', { timeout: 60_000 }, async () => {
    const random = seededRandom(seed + 1)
    const server = await LoopbackNameServer.start()
    const discovery = discoveryOn(server, { timeoutMs: 20 })
    server.onQuery = (query) => {
      const parts = honest[below(random, honest.length)] ?? {}
      server.send(query, mutated(answerTo(query.bytes, parts), random, 12 + query.name.length + 2 + 4))
    }
    server.onConnection = (query, connection) => {
      const parts = honest[below(random, honest.length)] ?? {}
      connection.end(mutated(answerTo(query, parts), random, 12))
    }
    const ask = async (): Promise<void> => {
      while (server.queries.length < 3_000) {
        try {
          await discovery.getInstances('web')
        } catch (cause) {
          if (!(cause instanceof DiscoveryError)) throw cause
        }
      }
    }
    await Promise.all(Array.from({ length: 16 }, ask))
    await discovery.close()
    await server.close()
    expect(server.queries.length).toBeGreaterThanOrEqual(3_000)
  })
})
