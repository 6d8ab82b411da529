import { InvalidInstanceError, parseInstance, type ServiceInstanceInit } from '@lb/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codecs } from './codec-by-name.ts'

const { kratos, address, 'go-zero': goZero } = codecs
const entry = (value: string, name = 'a1'): { service: string; name: string; value: string } => ({
  service: 'orders',
  name,
  value,
})
const json = (fields: object): ReturnType<typeof entry> => entry(JSON.stringify(fields))
const endpoints = ['grpc://10.0.0.1:9000?isSecure=false', 'http://10.0.0.1:8000?isSecure=false']

describe('kratos', () => {
  it('reads what go-kratos writes', () => {
    const value =
      '{"id":"a1","name":"orders","version":"v2","metadata":{"region":"eu"},"endpoints":["http://10.0.0.1:8000?isSecure=false"]}'
    expect(parseInstance(kratos.decode(entry(value)) as ServiceInstanceInit)).toMatchObject({
      id: 'a1',
      host: '10.0.0.1',
      port: 8000,
      secure: false,
      weight: 1,
      metadata: { region: 'eu', version: 'v2' },
    })
  })

  it('takes the first endpoint that HTTP can be spoken with', () => {
    expect(kratos.decode(json({ endpoints }))).toMatchObject({ host: '10.0.0.1', port: 8000 })
    expect(() => kratos.decode(json({ endpoints: endpoints.slice(0, 1) }))).toThrow('no endpoint begins with http')
    expect(() => kratos.decode(json({ endpoints: 'http://h:1' }))).toThrow('no endpoint')
  })

  it.each<[string, object]>([
    ['https://h', { host: 'h', port: 443, secure: true }],
    ['http://h:81?isSecure=true', { host: 'h', port: 81, secure: true }],
    ['http://[2001:db8::1]:8080?isSecure=false', { host: '2001:db8::1', port: 8080, secure: false }],
    ['http://h', { host: 'h', port: 80, secure: false }],
  ])('reads the endpoint %s', (endpoint, expected) => {
    expect(kratos.decode(json({ endpoints: [endpoint] }))).toMatchObject(expected)
  })

  it('100 is the weight of an instance that says none, as in go-kratos', () => {
    const weightOf = (weight?: unknown): unknown =>
      parseInstance(kratos.decode(json({ endpoints, metadata: { weight: weight ?? '100' } })) as ServiceInstanceInit)
        .weight
    expect([weightOf('100'), weightOf('50'), weightOf('0'), weightOf('heavy')]).toEqual([1, 0.5, 0, 1])
  })

  it('the name of the key is the id when the value has none', () => {
    expect(kratos.decode(json({ endpoints }))).toMatchObject({ id: 'a1' })
  })

  it('leaves out instances of a service with a longer name', () => {
    expect(kratos.decode(json({ name: 'orders/eu', endpoints }))).toBeUndefined()
  })

  it.each(['', 'null', '[]', '"x"', '{"endpoints":["http://"]}', '{"metadata":[],"endpoints":["http://h:1"]}'])(
    'does not read %s',
    (value) => {
      expect(() => kratos.decode(entry(value))).toThrow()
    },
  )

  it('a key __proto__ in the metadata is a label and nothing else', () => {
    const value = '{"metadata":{"__proto__":"x"},"endpoints":["http://h:1"]}'
    const { metadata } = parseInstance(kratos.decode(entry(value)) as ServiceInstanceInit)
    expect(Object.keys(metadata)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })

  it('writes TLS as the scheme of the endpoint, which is all that go-kratos looks at', () => {
    const endpointsOf = (init: ServiceInstanceInit): unknown =>
      JSON.parse(kratos.encode?.(parseInstance(init), 'orders') ?? '{}').endpoints
    expect(endpointsOf({ host: '10.0.0.1', port: 8443, secure: true })).toEqual(['https://10.0.0.1:8443'])
    expect(endpointsOf({ host: '2001:db8::1', port: 443, secure: true })).toEqual(['https://[2001:db8::1]:443'])
    expect(endpointsOf({ host: '10.0.0.1', port: 8080 })).toEqual(['http://10.0.0.1:8080'])
  })

  it('reads every instance back that it writes', () => {
    const property = fc.property(
      fc.record(
        {
          id: fc.string({ minLength: 1 }),
          host: fc.constantFrom('10.0.0.1', 'web.example.org', '2001:db8::1'),
          port: fc.integer({ min: 1, max: 65_535 }),
          secure: fc.boolean(),
          weight: fc.integer({ min: 0, max: 100_000 }).map((weight) => weight / 100),
          priority: fc.nat(),
          zone: fc.string({ minLength: 1 }),
          metadata: fc.dictionary(fc.constantFrom('version', 'region', 'a'), fc.string()),
        },
        { requiredKeys: ['host', 'port'] },
      ),
      (init) => {
        const instance = parseInstance(init as ServiceInstanceInit)
        const value = kratos.encode?.(instance, 'orders') ?? ''
        const back = parseInstance(kratos.decode(entry(value)) as ServiceInstanceInit)
        expect({ ...back }).toMatchObject({ ...instance, metadata: { ...instance.metadata } })
      },
    )
    fc.assert(property, { seed: 20_240_607 })
  })
})

describe('address and go-zero', () => {
  it.each<[string, string]>([
    ['10.0.0.1:8080', '10.0.0.1:8080'],
    ['[2001:db8::1]:80', '[2001:db8::1]:80'],
    ['https://h:443', 'https://h:443'],
  ])('read and write %s', (init, value) => {
    expect(address.decode(entry(value))).toBe(value)
    expect(address.encode?.(parseInstance(init), 'orders')).toBe(value)
    if (!value.startsWith('https')) expect(goZero.encode?.(parseInstance(init), 'orders')).toBe(value)
  })

  it('leave out keys further down', () => {
    expect(address.decode(entry('h:1', 'eu/a1'))).toBeUndefined()
    expect(goZero.decode(entry('h:1', 'eu/a1'))).toBeUndefined()
  })

  it('refuse to write what they would lose', () => {
    for (const field of [{ weight: 2 }, { priority: 1 }, { zone: 'a' }, { metadata: { a: 'b' } }]) {
      const instance = parseInstance({ host: 'h', port: 1, ...field })
      expect(() => address.encode?.(instance, 'orders')).toThrow(InvalidInstanceError)
      expect(() => goZero.encode?.(instance, 'orders')).toThrow(Object.keys(field)[0])
    }
    expect(() => goZero.encode?.(parseInstance('https://h:1'), 'orders')).toThrow('secure of an instance must be false')
  })

  it('go-zero has nothing above the service, and the lease as the name', () => {
    expect(goZero.prefix).toBe('')
    expect(goZero.nameOf?.(parseInstance('h:1'), '7587848390112345679')).toBe('7587848390112345679')
  })
})
