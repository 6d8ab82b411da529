import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fromBase64, keysUnder, singleKey, toBase64 } from './key-range.ts'

/** As etcd compares: by bytes. */
function has(path: string, key: string): boolean {
  const { key: first, rangeEnd = '' } = keysUnder(path)
  const bytes = Buffer.from(key)
  return (
    Buffer.compare(bytes, Buffer.from(first, 'base64')) >= 0 &&
    Buffer.compare(bytes, Buffer.from(rangeEnd, 'base64')) < 0
  )
}

it('orders/ has its own keys, and not those of orders2/', () => {
  expect(has('orders/', 'orders/1')).toBe(true)
  expect(has('orders/', 'orders/ÿ/1')).toBe(true)
  for (const other of ['orders2/1', 'orders', 'orders0', 'orders.1', 'order/1', 'ordersx/1'])
    expect(has('orders/', other)).toBe(false)
})

it('has exactly the keys that begin with the path', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 4 })
  const property = fc.property(text, text, fc.boolean(), (service, rest, under) => {
    const key = under ? `${service}/${rest}` : rest
    expect(has(`${service}/`, key)).toBe(Buffer.from(key).indexOf(Buffer.from(`${service}/`)) === 0)
  })
  fc.assert(property, { seed: 20_240_607, numRuns: 2_000 })
})

it('takes no path without a slash at its end, whose range would have keys of other services', () => {
  expect(() => keysUnder('orders')).toThrow('orders does not end in a slash')
})

it('a single key is a range without an end', () => {
  expect(singleKey('orders/1')).toEqual({ key: 'b3JkZXJzLzE=' })
})

it('base64 is the standard one, with padding', () => {
  expect(toBase64('a>?')).toBe('YT4/')
  expect(fromBase64('YT4/')).toBe('a>?')
  expect(fromBase64(toBase64('größe/1'))).toBe('größe/1')
})
