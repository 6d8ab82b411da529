import { expect, it } from 'vitest'
import { type AdapterOptions, checkAdapterOptions } from './adapter-options.ts'

const check = (options: object) => (): void => checkAdapterOptions('adapter', options as AdapterOptions)

it('accepts a class, a function, and a header by its name', () => {
  for (const criticality of [undefined, 'critical', 'default', 'sheddable', () => undefined]) {
    expect(check({ criticality })).not.toThrow()
  }
  for (const criticalityHeader of [undefined, true, false, 'X-Worth', 'priority']) {
    expect(check({ criticalityHeader })).not.toThrow()
  }
})

it.each([
  ['urgent', '"urgent" (string)'],
  [1, '1 (number)'],
  [null, 'null (object)'],
  [{ headerAtMost: 'critical' }, 'an object (object)'],
])('refuses the criticality %j by name', (criticality, shown) => {
  const message = `adapter.criticality must be one of critical, default, sheddable, or a function, got ${shown}`
  expect(check({ criticality })).toThrow(message)
})

it.each([
  ['Host'],
  ['content-length'],
  ['Transfer-Encoding'],
  ['x-forwarded-for'],
  [':authority'],
  ['a b'],
  [''],
  ['a\r\nb: c'],
  ['x'.repeat(65)],
  [1],
  [null],
])('refuses the criticalityHeader %j by name', (criticalityHeader) => {
  expect(check({ criticalityHeader })).toThrow(
    /^adapter\.criticalityHeader must be true, false, or the name of a header, got .* Give true for x-lb-criticality/,
  )
})
