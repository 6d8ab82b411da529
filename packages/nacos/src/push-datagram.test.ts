import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readPushDatagram } from './push-datagram.ts'

const data = JSON.stringify(JSON.stringify({ name: 'DEFAULT_GROUP@@orders', hosts: [], lastRefTime: 1 }))

it('acknowledges with identical digits, also beyond 2^53 and whether they are a number or a text', () => {
  for (const digits of ['1234567890123456789', '9007199254740993', '"1234567890123456789"', '7']) {
    const text = `{"type":"dom","data":${data},"lastRefTime":${digits}}`
    for (const datagram of [Buffer.from(text), gzipSync(text)]) {
      expect(readPushDatagram(datagram)).toEqual({
        name: 'DEFAULT_GROUP@@orders',
        acknowledgement: `{"type":"push-ack","lastRefTime":${digits},"data":""}`,
      })
    }
  }
})

it('takes the time of the datagram, not one inside of the list', () => {
  const inner = JSON.stringify(JSON.stringify({ name: 'g@@s', lastRefTime: 5 }))
  expect(readPushDatagram(Buffer.from(`{"data":${inner},"type":"dom","lastRefTime":6}`))?.acknowledgement).toContain(
    ':6,',
  )
  expect(readPushDatagram(Buffer.from(`{"data":${inner},"type":"dom"}`))).toBeUndefined()
})

it('passes over what is no push of a list', () => {
  const texts = [
    '',
    'null',
    '[]',
    '{"type":"dump","data":"","lastRefTime":1}',
    `{"type":"dom","data":${data},"lastRefTime":-1}`,
    `{"type":"dom","data":${data},"lastRefTime":123456789012345678901}`,
    '{"type":"dom","data":"{}","lastRefTime":1}',
    '{"type":"dom","data":"null","lastRefTime":1}',
    '{"type":"dom","data":{"name":"g@@s"},"lastRefTime":1}',
  ]
  for (const text of texts) expect(readPushDatagram(Buffer.from(text)), text).toBeUndefined()
})

it('does not unpack more than a list can be', () => {
  const text = `{"type":"dom","data":${data},"lastRefTime":1,"x":"${' '.repeat(5 * 1_024 * 1_024)}"}`
  expect(gzipSync(text).length).toBeLessThan(65_507)
  expect(readPushDatagram(gzipSync(text))).toBeUndefined()
})

it('survives whatever anybody sends', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, compressed) => {
    expect(readPushDatagram(compressed ? gzipSync(bytes) : bytes)).toBeUndefined()
    expect(readPushDatagram(Buffer.concat([Buffer.from([0x1f, 0x8b]), bytes]))).toBeUndefined()
  })
  fc.assert(property, { seed: 20_240_607 })
})
