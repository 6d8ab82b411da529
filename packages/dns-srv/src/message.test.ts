import { isIPv6 } from 'node:net'
import { type Answer, encode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMessage, formatIPv6 } from './message.ts'

const runs = { seed: 20_240_607, numRuns: 300 }
const label = fc.string({ unit: fc.constantFrom('a', 'b', 'x', 'z', '0', '9', '-', '_'), minLength: 1, maxLength: 12 })
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))
const ttl = fc.integer({ min: 0, max: 0x7fff_ffff })
const uint16 = fc.integer({ min: 0, max: 65_535 })
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatIPv6(Buffer.from(bytes)))

/** Any record that is understood, as dns-packet and as we describe it. */
const records = fc.array(
  fc.oneof(
    fc
      .record({ name, ttl, target: name, port: uint16, priority: uint16, weight: uint16 })
      .map(({ target, port, priority, weight, ...head }) => [
        { type: 'SRV', ...head, data: { target, port, priority, weight } },
        { type: 'SRV', name: head.name, ttlSeconds: head.ttl, target, port, priority, weight },
      ]),
    fc.record({ name, ttl, address: fc.ipV4() }).map(({ address, ...head }) => [
      { type: 'A', ...head, data: address },
      { type: 'A', name: head.name, ttlSeconds: head.ttl, address },
    ]),
    fc.record({ name, ttl, address: ipv6 }).map(({ address, ...head }) => [
      { type: 'AAAA', ...head, data: address },
      { type: 'AAAA', name: head.name, ttlSeconds: head.ttl, address },
    ]),
    fc.record({ name, ttl, target: name }).map(({ target, ...head }) => [
      { type: 'CNAME', ...head, data: target },
      { type: 'CNAME', name: head.name, ttlSeconds: head.ttl, target },
    ]),
  ) as fc.Arbitrary<[Answer, unknown]>,
  { maxLength: 8 },
)

describe('decodeMessage', () => {
  it('reads what another implementation wrote', () => {
    fc.assert(
      fc.property(uint16, name, records, records, records, (id, question, answers, authorities, additionals) => {
        const written = encode({
          type: 'response',
          id,
          questions: [{ type: 'SRV', name: question }],
          answers: answers.map(([record]) => record),
          authorities: authorities.map(([record]) => record),
          additionals: additionals.map(([record]) => record),
        })
        expect(decodeMessage(written)).toEqual({
          id,
          isAnswer: true,
          authoritative: false,
          truncated: false,
          responseCode: 0,
          question: { name: question, type: 33 },
          answers: answers.map(([, expected]) => expected),
          authorities: authorities.map(([, expected]) => expected),
          additionals: additionals.map(([, expected]) => expected),
        })
      }),
      runs,
    )
  })

  it('passes over records of other types, classes and the OPT record', () => {
    const bytes = encode({
      type: 'response',
      answers: [
        { type: 'HINFO', name: 'a.test', data: { cpu: 'a', os: 'b' } },
        { type: 'A', class: 'CH', name: 'a.test', ttl: 1, data: '10.0.0.1' },
        { type: 'MX', name: 'a.test', data: { exchange: 'b.test', preference: 1 } },
      ],
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 1_232,
          extendedRcode: 1,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
        { type: 'A', name: 'a.test', ttl: 1, data: '10.0.0.2' },
      ],
    })
    const message = decodeMessage(bytes)
    expect(message.answers).toEqual([])
    expect(message.additionals).toEqual([{ type: 'A', name: 'a.test', ttlSeconds: 1, address: '10.0.0.2' }])
    // BADVERS is 16: the OPT record has the upper bits.
    expect(message.responseCode).toBe(16)
  })

  it('reads names in lower case, and keeps dots within labels apart from dots between them', () => {
    const bytes = encode({ type: 'response', answers: [{ type: 'CNAME', name: 'A.Test', data: 'x-y.z' }] })
    const at = bytes.indexOf('x-y')
    expect(decodeMessage(bytes).answers).toMatchObject([{ name: 'a.test', target: 'x-y.z' }])
    bytes.write('.', at + 1)
    expect(decodeMessage(bytes).answers).toMatchObject([{ target: 'x\\046y.z' }])
  })

  it('takes a time to live with the top bit set for 0 (RFC 2181)', () => {
    const bytes = encode({
      type: 'response',
      answers: [{ type: 'A', name: 'a.test', ttl: 0x8000_0000, data: '10.0.0.1' }],
    })
    expect(decodeMessage(bytes).answers).toMatchObject([{ ttlSeconds: 0 }])
  })
})

describe('formatIPv6', () => {
  it.each([
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:1:0:0:0:1:1', '0:0:1::1:1'],
    ['fe80:0:0:0:0:0:0:1', 'fe80::1'],
  ])('writes %s as RFC 5952 does: %s', (text, expected) => {
    const bytes = encode({ type: 'response', answers: [{ type: 'AAAA', name: 'a', data: text }] }).subarray(-16)
    expect(formatIPv6(bytes)).toBe(expected)
  })

  it('always writes an IPv6 address that means the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = formatIPv6(Buffer.from(bytes))
        expect(isIPv6(text)).toBe(true)
        const back = encode({ type: 'response', answers: [{ type: 'AAAA', name: 'a', data: text }] }).subarray(-16)
        expect([...back]).toEqual([...bytes])
      }),
      runs,
    )
  })
})
