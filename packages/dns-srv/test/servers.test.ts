import { isIPv6 } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DnsSrvDiscovery, DnsSrvDiscoveryOptions } from '../src/index.ts'
import { addressesOf, discoveryOn, serviceName } from './discovery-on-loopback.ts'
import { address, answerTo, LoopbackNameServer, type ReceivedQuery, srv } from './loopback-name-server.ts'

const good = { answers: [srv(serviceName, 'a.lb.test')], additionals: [address('a.lb.test', '10.0.0.1')] }
const truncated = 0x0200
const found = ['10.0.0.1:8080']

let first: LoopbackNameServer
let second: LoopbackNameServer
const opened: DnsSrvDiscovery[] = []

beforeEach(async () => {
  first = await LoopbackNameServer.start()
  second = await LoopbackNameServer.start()
})

afterEach(async () => {
  for (const discovery of opened.splice(0)) await discovery.close()
  await first.close()
  await second.close()
})

function open(options: DnsSrvDiscoveryOptions = {}): DnsSrvDiscovery {
  const discovery = discoveryOn([first, second], { timeoutMs: 100, ...options })
  opened.push(discovery)
  return discovery
}

function answer(server: LoopbackNameServer, query: ReceivedQuery, code = 0): void {
  server.send(query, answerTo(query.bytes, code === 0 ? good : { code }))
}

describe('servers are asked in turn', () => {
  it('only the first one while it answers', async () => {
    first.answer(() => good)
    second.answer(() => good)
    const discovery = open()
    for (let count = 0; count < 3; count++) await discovery.getInstances('web')
    expect([first.queries.length, second.queries.length]).toEqual([3, 0])
  })

  it.each<[string, () => void, number]>([
    ['is silent', () => {}, 1],
    // And is asked again without EDNS.
    ['fails', () => first.answer(() => ({ code: 2 })), 2],
    ['refuses', () => first.answer(() => ({ code: 5 })), 2],
  ])('the next one when one %s, which is then asked last', async (_, behave, queries) => {
    behave()
    second.answer(() => good)
    const discovery = open()
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(found)
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(found)
    expect([first.queries.length, second.queries.length]).toEqual([queries, 2])
  })

  it('at once when nobody listens at one', async () => {
    const { port } = first
    await first.close()
    second.answer(() => good)
    // Half an hour would be needed if silence were waited for.
    const discovery = open({ servers: [`127.0.0.1:${port}`, second.address], timeoutMs: 1_800_000 })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(found)
    first = await LoopbackNameServer.start()
  })

  it('all of them again, as often as tries says, each time from another port with another id', async () => {
    await expect(open({ tries: 4, timeoutMs: 20 }).getInstances('web')).rejects.toThrow('no answer within 20 ms')
    const queries = [...first.queries, ...second.queries]
    expect([first.queries.length, second.queries.length]).toEqual([4, 4])
    expect(new Set(queries.map(({ sender }) => sender.port)).size).toBe(8)
    // 8 of 65 536 are all different but for a chance of 28 in 65 536; two that are alike may happen, three do not.
    expect(new Set(queries.map(({ id }) => id)).size).toBeGreaterThanOrEqual(7)
  })

  it('and the error says what each of them did', async () => {
    second.answer(() => ({ code: 2 }))
    const failure = await open()
      .getInstances('web')
      .catch((error: unknown) => error)
    expect((failure as Error).message).toBe(
      `web: the lookup failed: ${serviceName} SRV: ${first.address}: no answer within 100 ms; ${second.address}: SERVFAIL`,
    )
    expect((failure as Error).cause).toMatchObject({ code: 'SERVFAIL' })
  })
})

describe('a query', () => {
  it('allows answers of 1 232 bytes, and asks for recursion', async () => {
    first.answer(() => good)
    await open().getInstances('web')
    expect(first.queries).toMatchObject([{ udpPayloadSize: 1_232, name: serviceName, type: 'SRV' }])
    expect(first.queries[0]?.bytes.readUInt16BE(2)).toBe(0x0100)
  })

  it.each([1, 2, 4, 5])(
    'is repeated without EDNS0 when the server may not know that: response code %i',
    async (code) => {
      first.onQuery = (query) => answer(first, query, query.udpPayloadSize === undefined ? 0 : code)
      expect(addressesOf(await open().getInstances('web'))).toEqual(found)
      expect(first.queries.map(({ udpPayloadSize }) => udpPayloadSize)).toEqual([1_232, undefined])
    },
  )

  it('is not repeated when the name does not exist', async () => {
    first.onQuery = (query) => answer(first, query, 3)
    expect(await open().getInstances('web')).toEqual([])
    expect(first.queries).toHaveLength(1)
  })

  it.each([1, 2, 4, 5])(
    'is repeated without EDNS0 when the server does not repeat the question: response code %i',
    async (code) => {
      first.onQuery = (query) => {
        if (query.udpPayloadSize === undefined) answer(first, query)
        else {
          const head = Buffer.alloc(12)
          head.writeUInt16BE(query.id)
          head.writeUInt16BE(0x8000 | code, 2)
          first.send(query, head)
        }
      }
      expect(addressesOf(await open().getInstances('web'))).toEqual(found)
    },
  )

  it('is sent from unpredictable ports', async () => {
    first.answer(() => good)
    const discovery = open()
    for (let count = 0; count < 60; count++) await discovery.getInstances('web')
    const ports = first.queries.map(({ sender }) => sender.port)
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(1_024)
    // Each port is in the lower half with p = 0.5: 60 in one half happen with p = 2^-59.
    expect(ports.some((port) => port < 33_280) && ports.some((port) => port >= 33_280)).toBe(true)
    expect(new Set(ports).size).toBeGreaterThan(55)
  })

  it('goes over TCP from the start when told to', async () => {
    first.answer(() => good)
    expect(addressesOf(await open({ transport: 'tcp', timeoutMs: 20_000 }).getInstances('web'))).toEqual(found)
    expect([first.queries.length, first.connections]).toEqual([0, 1])
  })

  it('goes over IPv6', async ({ skip }) => {
    const server = await LoopbackNameServer.start('::1').catch(() => undefined)
    if (server === undefined) return skip('this machine has no IPv6 loopback')
    server.answer(() => ({ ...good, flags: server.connections === 0 ? truncated : 0 }))
    // Not as the system writes it: addresses are compared by meaning.
    const discovery = open({ servers: [`[0:0:0::1]:${server.port}`], timeoutMs: 20_000 })
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(found)
    expect(isIPv6(server.queries[0]?.sender.address ?? '')).toBe(true)
    expect(server.connections).toBe(1)
    await server.close()
  })
})

describe('many queries', () => {
  it('are sent a few at a time', async () => {
    const waiting: ReceivedQuery[] = []
    first.onQuery = (query) => waiting.push(query)
    const discovery = open({ timeoutMs: 20_000, servers: [first.address] })
    const lists = Array.from({ length: 200 }, () => discovery.getInstances('web'))
    let most = 0
    let answered = 0
    while (answered < 200) {
      await vi.waitFor(() => expect(waiting.length).toBeGreaterThan(0), { interval: 1 })
      most = Math.max(most, waiting.length)
      for (const query of waiting.splice(0)) {
        answer(first, query)
        answered++
      }
    }
    await Promise.all(lists)
    expect(most).toBeLessThanOrEqual(64)
  })
})
