import { decode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelText } from './domain-name.ts'
import { decodeHead } from './message.ts'
import { encodeQuery } from './query-message.ts'

const runs = { seed: 20_240_607, numRuns: 300 }
const uint16 = fc.integer({ min: 0, max: 65_535 })
const label = fc.string({ unit: fc.constantFrom('a', 'b', 'x', 'z', '0', '9', '-', '_'), minLength: 1, maxLength: 12 })
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))

describe('encodeQuery', () => {
  it('writes what another implementation reads', () => {
    fc.assert(
      fc.property(uint16, name, fc.constantFrom('A', 'AAAA', 'SRV'), fc.boolean(), (id, asked, type, edns) => {
        const bytes = encodeQuery(id, { name: asked, type }, edns)
        const query = decode(bytes)
        expect(query).toMatchObject({ id, type: 'query', flag_rd: true, answers: [], authorities: [] })
        expect(query.questions).toEqual([{ name: asked, type, class: 'IN' }])
        expect(query.additionals?.map((record) => (record.type === 'OPT' ? record.udpPayloadSize : record))).toEqual(
          edns ? [1_232] : [],
        )
        expect(decodeHead(bytes).isAnswer).toBe(false)
      }),
      runs,
    )
  })

  it('writes every byte that a label may have, and reads it back as the same name', () => {
    const anyLabel = fc.uint8Array({ minLength: 1, maxLength: 63 }).map((bytes) => labelText(Buffer.from(bytes)))
    const anyName = fc.array(anyLabel, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'))
    fc.assert(
      fc.property(anyName, (asked) => {
        expect(decodeHead(encodeQuery(1, { name: asked, type: 'SRV' }, true)).question).toEqual({
          name: asked,
          type: 33,
        })
      }),
      runs,
    )
  })

  it('writes a space and a dot within a label as they are', () => {
    const asked = `${labelText(Buffer.from('Web 1.0'))}._http._tcp.test`
    const bytes = encodeQuery(1, { name: asked, type: 'TXT' }, false)
    expect([asked, bytes.toString('latin1', 12, 20)]).toEqual(['web\\0321\\0460._http._tcp.test', '\u0007web 1.0'])
  })
})
