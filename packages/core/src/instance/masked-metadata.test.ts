import { describe, expect, it } from 'vitest'
import { maskedMetadata } from './masked-metadata.ts'

const mask = '••••••'

describe('maskedMetadata', () => {
  it('masks values whose key sounds like a secret, in any case', () => {
    const metadata = { apiKey: 'a', TOKEN: 'b', db_password: 'c', 'x-auth': 'd', version: '1', zone: 'z' }
    expect(maskedMetadata(metadata)).toEqual({
      apiKey: mask,
      TOKEN: mask,
      db_password: mask,
      'x-auth': mask,
      version: '1',
      zone: 'z',
    })
  })

  it('masks the user of every URL in a value', () => {
    expect(maskedMetadata({ urls: 'http://u:p@a/x, amqp://q@b/?c=@' })).toEqual({
      urls: `http://${mask}@a/x, amqp://${mask}@b/?c=@`,
    })
  })

  it('leaves the given object as it is, and keeps a key like any other', () => {
    const metadata = Object.freeze(JSON.parse('{"__proto__":"a","secret":"b"}'))
    expect(JSON.stringify(maskedMetadata(metadata))).toBe(`{"__proto__":"a","secret":"${mask}"}`)
    expect(metadata.secret).toBe('b')
  })
})
