import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DnsSrvDiscovery } from '../src/index.ts'
import { addressesOf, discoveryOn, serviceName } from './discovery-on-loopback.ts'
import { address, answerTo, LoopbackNameServer, type ReceivedQuery, srv, withPrefix } from './loopback-name-server.ts'

let server: LoopbackNameServer
let discovery: DnsSrvDiscovery

beforeEach(async () => {
  server = await LoopbackNameServer.start()
  discovery = discoveryOn(server, { timeoutMs: 300 })
})

afterEach(async () => {
  await discovery.close()
  await server.close()
})

const truncated = 0x0200
const honest = {
  answers: [srv(serviceName, 'a.lb.test')],
  additionals: [address('a.lb.test', '10.0.0.1')],
}
const forged = {
  answers: [srv(serviceName, 'evil.lb.test')],
  additionals: [address('evil.lb.test', '10.6.6.6')],
}

/** The bytes of `query` turned into the beginning of an answer with `counts`, then `rest`. */
function rawAnswer(query: ReceivedQuery, counts: readonly [number, number, number], rest: readonly number[]): Buffer {
  const questionEnd = 12 + query.name.length + 2 + 4
  const head = Buffer.from(query.bytes.subarray(0, questionEnd))
  head.writeUInt16BE(0x8400, 2)
  for (const [index, count] of counts.entries()) head.writeUInt16BE(count, 6 + 2 * index)
  return Buffer.concat([head, Buffer.from(rest)])
}

/** A record that is named by a pointer to the question. */
function record(type: number, data: readonly number[], length: number = data.length): number[] {
  return [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 5, length >> 8, length & 255, ...data]
}

const [typeA, typeCname, typeAaaa, typeSrv] = [1, 5, 28, 33]
const label63 = [63, ...Array.from({ length: 63 }, () => 97)]

describe('a malformed answer is a failure', () => {
  const startOfRecords = 12 + serviceName.length + 2 + 4
  it.each<[string, readonly [number, number, number], readonly number[]]>([
    ['records that are announced but missing', [1, 0, 0], []],
    ['65 535 records announced', [65_535, 65_535, 65_535], record(typeA, [1, 2, 3, 4])],
    ['a name that points at itself', [1, 0, 0], [0xc0, startOfRecords, 0, 33]],
    ['two names that point at each other', [1, 0, 0], [0xc0, startOfRecords + 2, 0xc0, startOfRecords, 0, 33]],
    ['a target that points at itself', [1, 0, 0], record(typeSrv, [0, 0, 0, 1, 31, 144, 0xc0, startOfRecords + 18])],
    // To a name that is complete, but comes later.
    [
      'a target that points ahead',
      [2, 0, 0],
      [...record(typeSrv, [0, 0, 0, 1, 31, 144, 0xc0, startOfRecords + 32]), ...record(99, [1, 97, 0])],
    ],
    [
      'a target longer than 255 bytes',
      [1, 0, 0],
      record(typeSrv, [0, 0, 0, 1, 31, 144, ...label63, ...label63, ...label63, ...label63, 0]),
    ],
    ['a label of a kind that does not exist', [1, 0, 0], record(typeSrv, [0, 0, 0, 1, 31, 144, 0x41, 97, 0])],
    ['SRV data that is cut', [1, 0, 0], record(typeSrv, [0, 0, 0, 1])],
    ['SRV data without a target', [1, 0, 0], record(typeSrv, [0, 0, 0, 1, 31, 144])],
    [
      'SRV data that is cut, and reaches into the next record',
      [2, 0, 0],
      [...record(typeSrv, [0, 0], 2), ...record(typeSrv, [0, 0, 0, 1, 31, 144, 0])],
    ],
    ['SRV data that is longer than its target', [1, 0, 0], record(typeSrv, [0, 0, 0, 1, 31, 144, 0, 7])],
    ['data that reaches past the end', [1, 0, 0], record(typeSrv, [0, 0, 0, 1, 31, 144, 0], 65_535)],
    [
      'an address of three bytes',
      [1, 0, 1],
      [...record(typeSrv, [0, 0, 0, 1, 31, 144, 0xc0, 12]), ...record(typeA, [10, 0, 0])],
    ],
    [
      'an IPv6 address of four bytes',
      [1, 0, 1],
      [...record(typeSrv, [0, 0, 0, 1, 31, 144, 0xc0, 12]), ...record(typeAaaa, [10, 0, 0, 1])],
    ],
    ['an alias to the root', [1, 0, 0], record(typeCname, [0])],
    ['an alias to what is no host name', [1, 0, 0], record(typeCname, [3, 97, 46, 98, 0])],
  ])('%s', async (_, counts, rest) => {
    server.onQuery = (query) => server.send(query, rawAnswer(query, counts, rest))
    await expect(discovery.getInstances('web')).rejects.toThrow('the answer is malformed')
    // None of it was used to ask on.
    expect(server.queries).toHaveLength(1)
  })

  it('also when its last bytes are missing, wherever it is cut after the question', async () => {
    let length = 0
    let whole = Number.POSITIVE_INFINITY
    server.onQuery = (query) => {
      const bytes = answerTo(query.bytes, honest)
      whole = bytes.length
      server.send(query, bytes.subarray(0, length))
    }
    for (length = startOfRecords; length < whole; length++) {
      await expect(discovery.getInstances('web')).rejects.toThrow('the answer is malformed')
    }
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
  })

  it('and another server is asked', async () => {
    const second = await LoopbackNameServer.start()
    server.onQuery = (query) => server.send(query, rawAnswer(query, [1, 0, 0], []))
    second.answer(() => honest)
    const both = discoveryOn([server, second])
    expect(addressesOf(await both.getInstances('web'))).toEqual(['10.0.0.1:8080'])
    await both.close()
    await second.close()
  })
})

describe('what is not the answer is ignored', () => {
  const mutations: readonly [string, (query: ReceivedQuery) => Buffer][] = [
    ['another id', (query) => changed(answerTo(query.bytes, forged), (bytes) => bytes.writeUInt16BE(query.id ^ 1))],
    ['another question', (query) => changed(answerTo(query.bytes, forged), (bytes) => bytes.writeUInt8(97, 14))],
    [
      'another type',
      (query) => changed(answerTo(query.bytes, forged), (bytes) => bytes.writeUInt8(1, 12 + serviceName.length + 3)),
    ],
    [
      'another class',
      (query) => changed(answerTo(query.bytes, forged), (bytes) => bytes.writeUInt8(3, 12 + serviceName.length + 5)),
    ],
    [
      'no question',
      (query) => changed(query.bytes.subarray(0, 12), (bytes) => bytes.fill(0, 4).writeUInt16BE(0x8400, 2)),
    ],
    ['two questions', (query) => changed(answerTo(query.bytes, forged), (bytes) => bytes.writeUInt16BE(2, 4))],
    ['the query itself', (query) => query.bytes],
    ['another opcode', (query) => changed(answerTo(query.bytes, forged), (bytes) => bytes.writeUInt8(0xac, 2))],
    ['nothing', () => Buffer.alloc(0)],
    ['a part of a header', (query) => query.bytes.subarray(0, 11)],
    ['64 KB of noise', () => Buffer.alloc(65_507, 0xc0)],
  ]

  it.each(mutations)('%s, and the true answer that follows is taken', async (_, bytes) => {
    server.onQuery = (query) => {
      server.send(query, bytes(query))
      server.send(query, answerTo(query.bytes, honest))
    }
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
  })

  it.each([
    ['another port of the server', '127.0.0.1', () => 0],
    ['the same port of another address', '127.0.0.2', () => server.port],
  ])('an answer from %s', async (_, host, port) => {
    const other = createSocket('udp4').bind(port(), host)
    await once(other, 'listening')
    server.onQuery = (query) => {
      other.send(answerTo(query.bytes, forged), query.sender.port, query.sender.address, () => {
        server.send(query, answerTo(query.bytes, honest))
      })
    }
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
    other.close()
  })

  it('when nothing else comes, the server gave no answer', async () => {
    server.onQuery = (query) => {
      for (const [, bytes] of mutations) server.send(query, bytes(query))
    }
    await expect(discovery.getInstances('web')).rejects.toThrow('no answer within 300 ms')
  })

  it('an answer that comes after its time', async () => {
    discovery = discoveryOn(server, { timeoutMs: 50, tries: 2 })
    server.onQuery = (query) => {
      const [first] = server.queries
      if (first !== query)
        for (const late of server.queries) server.send(late, answerTo(late.bytes, late === first ? forged : honest))
    }
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['10.0.0.1:8080'])
  })
})

function changed(bytes: Buffer, change: (bytes: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}

describe('over TCP', () => {
  const targets = Array.from({ length: 800 }, (_, index) =>
    srv(serviceName, `host-${index}.a-zone-with-a-long-name.lb.test`, { port: 1_000 + index }),
  )
  beforeEach(() => {
    server.onQuery = (query) => server.send(query, answerTo(query.bytes, { flags: truncated }))
    discovery = discoveryOn(server, { timeoutMs: 20_000, resolveTargets: false })
  })

  it('64 KB in pieces of one byte arrive whole', { timeout: 30_000 }, async () => {
    let length = 0
    server.onConnection = (query, connection) => {
      const message = withPrefix(answerTo(query, { answers: targets.slice(0, 790) }))
      length = message.length
      connection.setNoDelay(true)
      const next = (at: number): void => {
        if (at < message.length) connection.write(message.subarray(at, at + 1), () => next(at + 1))
      }
      next(0)
    }
    const instances = await discovery.getInstances('web')
    expect(length).toBeGreaterThan(64_000)
    expect(instances).toHaveLength(790)
  })

  it('bytes that follow the answer are not read', async () => {
    server.onConnection = (query, connection) => {
      connection.write(Buffer.concat([withPrefix(answerTo(query, honest)), Buffer.alloc(100_000, 255)]))
    }
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['a.lb.test:8080'])
    await vi.waitFor(() => expect(server.openConnections).toBe(0))
  })

  it.each<[string, string, (query: Buffer) => Buffer | undefined]>([
    ['ends before the answer', 'the connection ended before the answer', () => undefined],
    [
      'ends within the answer',
      'the connection ended before the answer',
      (query) => withPrefix(answerTo(query, honest)).subarray(0, 40),
    ],
    ['announces nothing', 'shorter than a header', () => Buffer.alloc(2)],
    ['announces less than a header', 'shorter than a header', () => Buffer.from([0, 11, 1, 2])],
    [
      'answers another question',
      'not an answer to the question',
      (query) => withPrefix(changed(answerTo(query, honest), (bytes) => bytes.writeUInt8(97, 14))),
    ],
    [
      'answers with another id',
      'not an answer to the question',
      (query) => withPrefix(changed(answerTo(query, honest), (bytes) => bytes.writeUInt16BE(bytes.readUInt16BE() ^ 1))),
    ],
  ])('a connection that %s is a failure', async (_, message, bytes) => {
    server.onConnection = (query, connection) => {
      const sent = bytes(query)
      if (sent === undefined) connection.end()
      else connection.end(sent)
    }
    await expect(discovery.getInstances('web')).rejects.toThrow(message)
  })

  it('a connection that never ends is given up, and closed', async () => {
    discovery = discoveryOn(server, { timeoutMs: 100 })
    server.onConnection = (_query, connection) => connection.write(Buffer.from([255, 255, 0]))
    await expect(discovery.getInstances('web')).rejects.toThrow('no answer within 100 ms')
    await vi.waitFor(() => expect(server.openConnections).toBe(0))
  })

  it('a truncated answer may be cut anywhere', async () => {
    server.onQuery = (query) => {
      const whole = answerTo(query.bytes, { ...forged, flags: truncated })
      server.send(query, whole.subarray(0, whole.length - 5))
    }
    server.onConnection = (query, connection) => connection.write(withPrefix(answerTo(query, honest)))
    expect(addressesOf(await discovery.getInstances('web'))).toEqual(['a.lb.test:8080'])
  })
})

describe('too much is refused', () => {
  it('more instances than 4 096, by targets with many addresses', async () => {
    const names = Array.from({ length: 100 }, (_, index) => srv(serviceName, 'a.lb.test', { port: 1_000 + index }))
    const many = Array.from({ length: 100 }, (_, index) => address('a.lb.test', `10.0.0.${index}`))
    server.onQuery = (query) => server.send(query, answerTo(query.bytes, { flags: truncated }))
    server.onConnection = (query, connection) => {
      connection.write(withPrefix(answerTo(query, { answers: names, additionals: many })))
    }
    await expect(discovery.getInstances('web')).rejects.toThrow('more than 4096 instances')
  })

  it('more than 1 024 targets without addresses', async () => {
    const targets = Array.from({ length: 1_025 }, (_, index) => srv(serviceName, `h${index}`))
    server.onQuery = (query) => server.send(query, answerTo(query.bytes, { flags: truncated }))
    server.onConnection = (query, connection) => {
      connection.write(withPrefix(answerTo(query, { answers: targets })))
    }
    await expect(discovery.getInstances('web')).rejects.toThrow('1025 targets without addresses, more than 1024')
    expect(server.queries).toHaveLength(1)
  })

  it('a name that leads through more pointers than a name has labels', async () => {
    const start = 12 + serviceName.length + 2 + 4
    // Each pointer points at the one before it; an unknown record holds them.
    const pointers = Array.from({ length: 200 }, (_, index) => {
      const target = index === 0 ? 12 : start + 12 + 2 * (index - 1)
      return [0xc0 | (target >> 8), target & 255]
    }).flat()
    const last = start + 12 + pointers.length - 2
    const question = record(typeCname, [0xc0 | (last >> 8), last & 255])
    server.onQuery = (query) => server.send(query, rawAnswer(query, [2, 0, 0], [...record(99, pointers), ...question]))
    await expect(discovery.getInstances('web')).rejects.toThrow('a compressed name does not end')
  })
})
