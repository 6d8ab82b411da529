import { describe, expect, it } from 'vitest'
import { Secrets } from './secrets.ts'

describe('secrets', () => {
  it.each([
    ['the token s3cr et/ü', 'the token ***'],
    ['in a URL: s3cr%20et%2F%C3%BC', 'in a URL: ***'],
    ['http://me:pass@host/x and https://tok@h', 'http://***@host/x and https://***@h'],
    ['redis://:p%40ss@h', 'redis://***@h'],
    ['me@example.org', 'me@example.org'],
  ])('%s', (text, masked) => {
    const secrets = new Secrets()
    secrets.add('s3cr et/ü')
    expect(secrets.mask(text)).toBe(masked)
  })

  it('are masked as they are written in JSON, the longest first', () => {
    const secrets = new Secrets()
    secrets.add('pass')
    secrets.add('pass"word')
    expect(secrets.mask(JSON.stringify(['pass"word', 'pass']))).toBe('["***","***"]')
  })

  it('in a URL are masked outside of it too', () => {
    const secrets = new Secrets()
    secrets.addUrl('http://me:p%40ssword@host:80/')
    expect(secrets.mask('p@ssword p%40ssword')).toBe('*** ***')
  })

  it('are found in time that grows with the text', () => {
    const hostile = [
      'a'.repeat(2_000_000),
      '://a'.repeat(500_000),
      `://${'a'.repeat(2_000_000)}`,
      ':'.repeat(2_000_000),
    ]
    for (const text of hostile) expect(new Secrets().mask(text)).toBe(text)
  }, 5_000)
})
