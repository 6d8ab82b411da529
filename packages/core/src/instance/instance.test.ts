import { describe, expect, it } from 'vitest'
import { InvalidInstanceError } from '../base/errors.ts'
import { parseInstance, type ServiceInstanceInit } from './instance.ts'

/** What code without types can pass. */
function parseAnything(init: unknown): unknown {
  return parseInstance(init as ServiceInstanceInit)
}

describe('parseInstance of a string', () => {
  it.each([
    ['10.0.1.12:8080', { id: '10.0.1.12:8080', host: '10.0.1.12', port: 8080, secure: false }],
    ['users.internal:1', { host: 'users.internal', port: 1 }],
    ['users:65535', { host: 'users', port: 65_535 }],
    ['[::1]:80', { id: '::1:80', host: '::1', port: 80 }],
    ['[2001:db8::1]:443', { host: '2001:db8::1', port: 443 }],
    ['http://h', { host: 'h', port: 80, secure: false }],
    ['https://h', { host: 'h', port: 443, secure: true }],
    ['https://h:8443', { host: 'h', port: 8443, secure: true }],
    ['HTTPS://h:443/', { host: 'h', port: 443, secure: true }],
    ['https://[::1]', { host: '::1', port: 443, secure: true }],
  ])('reads %s', (text, expected) => {
    expect(parseInstance(text)).toMatchObject(expected)
  })

  it('tells an IPv6 address without brackets from its port by asking for brackets', () => {
    for (const text of ['::1:80', '2001:db8::1:8080', '::1', 'https://::1:80']) {
      expect(() => parseInstance(text)).toThrow(
        expect.objectContaining({
          code: 'LB_INVALID_INSTANCE',
          field: 'instance',
          message:
            'an instance must be "host:port", "[ipv6]:port" or "https://host:port", ' +
            `got ${JSON.stringify(text)} (string). Put an IPv6 address in brackets: "[::1]:80"`,
        }),
      )
    }
  })

  it('asks for the port that is missing, saying where one is assumed', () => {
    expect(() => parseInstance('users')).toThrow(
      expect.objectContaining({
        field: 'port',
        message:
          'port of an instance must be given, got "users" (string). ' +
          'Write "host:port"; only an http:// or https:// URL has a default port',
      }),
    )
  })

  it.each(['a:0', 'a:65536', 'a:99999999999999999999', 'https://a:0'])(
    'refuses the port of %s, naming the legal range',
    (text) => {
      expect(() => parseInstance(text)).toThrow(
        expect.objectContaining({
          code: 'LB_INVALID_INSTANCE',
          field: 'port',
          message: expect.stringMatching(/^port of an instance must be an integer in \[1, 65535\], got \d+(e\+\d+)? /),
        }),
      )
    },
  )

  it.each([
    'a:80.5',
    'a:-1',
    'a:8o',
    'a: 80',
    'a b:80',
    'a/b:80',
    'a:80/path',
    'a@b:80',
    'http://user:pw@a:80',
    'ftp://a:80',
    'a:80?q',
    'a:80#f',
    ' a:80',
  ])('refuses %j, showing the legal forms', (text) => {
    expect(() => parseInstance(text)).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_INSTANCE',
        field: 'instance',
        message: expect.stringContaining(
          `must be "host:port", "[ipv6]:port" or "https://host:port", got ${JSON.stringify(text)} (string)`,
        ),
      }),
    )
  })

  it.each([
    [':80', 'It is empty'],
    ['0x7f.1:80', 'It is not an IPv4 address in dotted decimal'],
    ['10.1:80', 'It is not an IPv4 address in dotted decimal'],
    ['999.1.1.1:80', 'It is not an IPv4 address in dotted decimal'],
    ['a.example.:80', 'It has an empty label'],
    ['[::1%eth0]:80', 'It is not an IPv6 address'],
    ['[1::2::3]:80', 'It is not an IPv6 address'],
  ])('refuses the host of %s: %s', (text, problem) => {
    expect(() => parseInstance(text)).toThrow(
      expect.objectContaining({ field: 'host', message: expect.stringContaining(problem) }),
    )
  })

  it('refuses brackets around anything but an IPv6 address', () => {
    for (const text of ['[10.0.0.1]:80', '[a.example]:80']) {
      expect(() => parseInstance(text)).toThrow(
        expect.objectContaining({
          field: 'host',
          message: expect.stringContaining('an IPv6 address when in brackets'),
        }),
      )
    }
  })
})

describe('parseInstance of an object', () => {
  it('fills in the defaults', () => {
    const instance = parseInstance({ host: 'a', port: 80 })
    expect(instance).toEqual({
      id: 'a:80',
      host: 'a',
      port: 80,
      weight: 1,
      priority: 0,
      secure: false,
      metadata: instance.metadata,
    })
    expect(Object.keys(instance.metadata)).toEqual([])
    expect('zone' in instance).toBe(false)
    expect('healthy' in instance).toBe(false)
  })

  it('keeps every field that is given', () => {
    const init = { id: 'x', host: 'a', port: 80, weight: 0.5, priority: 3, zone: 'eu', secure: true, healthy: false }
    expect(parseInstance({ ...init, metadata: { version: '1' } })).toMatchObject({
      ...init,
      metadata: { version: '1' },
    })
  })

  it('takes an IPv6 host with and without brackets', () => {
    for (const host of ['::1', '[::1]']) {
      expect(parseInstance({ host, port: 80 })).toMatchObject({ id: '::1:80', host: '::1', port: 80 })
    }
  })

  it('refuses brackets around anything but an IPv6 address', () => {
    for (const host of ['[10.0.0.1]', '[a.example]']) {
      expect(() => parseInstance({ host, port: 80 }), host).toThrow(InvalidInstanceError)
    }
  })

  it('ignores fields that an instance does not have', () => {
    expect(parseAnything({ host: 'a', port: 80, datacenter: 'dc1' })).not.toHaveProperty('datacenter')
  })

  it('gives a frozen instance that does not follow later changes', () => {
    const metadata = { version: '1' }
    const instance = parseInstance({ host: 'a', port: 80, metadata })
    metadata.version = '2'
    expect(instance.metadata.version).toBe('1')
    expect(Object.isFrozen(instance)).toBe(true)
    expect(Object.isFrozen(instance.metadata)).toBe(true)
  })

  it('gives an instance for an instance', () => {
    const instance = parseInstance({
      host: '[::1]',
      port: 80,
      weight: 2,
      zone: 'eu',
      healthy: true,
      metadata: { a: 'b' },
    })
    expect(parseInstance(instance)).toEqual(instance)
  })

  it.each([
    ['weight', -1, 'a finite number ≥ 0, got -1 (number). Use 0 to drain an instance'],
    ['weight', Number.NaN, 'a finite number ≥ 0, got NaN (number). Use 0 to drain an instance'],
    ['weight', Number.POSITIVE_INFINITY, 'a finite number ≥ 0, got Infinity (number). Use 0 to drain an instance'],
    ['weight', '5', 'a finite number ≥ 0, got "5" (string). Use 0 to drain an instance'],
    ['weight', null, 'a finite number ≥ 0, got null (object). Use 0 to drain an instance'],
    ['port', 0, 'an integer in [1, 65535], got 0 (number)'],
    ['port', 65_536, 'an integer in [1, 65535], got 65536 (number)'],
    ['port', 80.5, 'an integer in [1, 65535], got 80.5 (number)'],
    ['port', '80', 'an integer in [1, 65535], got "80" (string)'],
    ['port', Number.NaN, 'an integer in [1, 65535], got NaN (number)'],
    ['port', undefined, 'an integer in [1, 65535], got undefined (undefined)'],
    ['id', '', 'a string that is not empty, got "" (string)'],
    ['id', 7, 'a string that is not empty, got 7 (number)'],
    ['priority', -1, 'an integer ≥ 0, got -1 (number)'],
    ['priority', 1.5, 'an integer ≥ 0, got 1.5 (number)'],
    ['priority', '1', 'an integer ≥ 0, got "1" (string)'],
    ['secure', 'true', 'a boolean, got "true" (string)'],
    ['zone', '', 'a string that is not empty, or absent, got "" (string)'],
    ['zone', 1, 'a string that is not empty, or absent, got 1 (number)'],
    ['healthy', 'yes', 'a boolean, or absent, got "yes" (string)'],
    ['metadata', null, 'an object whose values are strings, got null (object)'],
    ['metadata', 'a=b', 'an object whose values are strings, got "a=b" (string)'],
    ['metadata', ['a'], 'an object whose values are strings, got an array of 1 (object)'],
    ['host', undefined, 'a string, got undefined (undefined)'],
    ['host', 10, 'a string, got 10 (number)'],
  ])('refuses %s %j', (field, value, rest) => {
    const parse = (): unknown => parseAnything({ host: 'a', port: 80, [field]: value })
    expect(parse).toThrow(InvalidInstanceError)
    expect(parse).toThrow(
      expect.objectContaining({
        name: 'InvalidInstanceError',
        code: 'LB_INVALID_INSTANCE',
        field,
        message: `${field} of an instance must be ${rest}`,
      }),
    )
  })

  it.each([
    ['', 'It is empty'],
    ['a b', 'It has a character that a host name cannot have'],
    ['a/b', 'It has a character that a host name cannot have'],
    ['a@b', 'It has a character that a host name cannot have'],
    ['user:pw@a', 'It is not an IPv6 address'],
    ['0x7f.1', 'It is not an IPv4 address in dotted decimal'],
    ['10.1', 'It is not an IPv4 address in dotted decimal'],
    ['999.1.1.1', 'It is not an IPv4 address in dotted decimal'],
    ['a.example.', 'It has an empty label'],
    ['a'.repeat(254), 'It is longer than 253 characters'],
    ['::1:80:', 'It is not an IPv6 address'],
    ['10.0.0.1:80', 'It is not an IPv6 address'],
  ])('refuses the host %j: %s', (host, problem) => {
    expect(() => parseInstance({ host, port: 80 })).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_INSTANCE',
        field: 'host',
        message: expect.stringMatching(
          `^host of an instance must be a DNS name, an IPv4 address or an IPv6 address, got "[^]*\\. ${problem}`,
        ),
      }),
    )
  })

  it('shows no more than the beginning of a very long value', () => {
    expect(() => parseInstance({ host: 'a'.repeat(100_000), port: 80 })).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) }),
    )
  })

  it.each([[null], [undefined], [7], [true]])('refuses %s as an instance', (init) => {
    expect(() => parseAnything(init)).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_INSTANCE',
        field: 'instance',
        message: expect.stringContaining('a string such as "10.0.1.12:8080", or an object with host and port'),
      }),
    )
  })
})

describe('metadata of an instance', () => {
  it('is plain data under any key, and pollutes nothing', () => {
    const metadata = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>
    const parsed = parseInstance({ host: 'a', port: 80, metadata }).metadata
    expect(Object.getPrototypeOf(parsed)).toBeNull()
    expect(Object.entries(parsed)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
    expect({}).not.toHaveProperty('x')
  })

  it('refuses an object under __proto__ without touching any prototype', () => {
    const metadata: unknown = JSON.parse('{"__proto__":{"polluted":"yes"}}')
    expect(() => parseAnything({ host: 'a', port: 80, metadata })).toThrow(
      expect.objectContaining({ field: 'metadata.__proto__' }),
    )
    expect({}).not.toHaveProperty('polluted')
  })

  it('has a null prototype also when there is none, or an empty one', () => {
    for (const init of [{}, { metadata: {} }]) {
      expect(Object.getPrototypeOf(parseInstance({ host: 'a', port: 80, ...init }).metadata)).toBeNull()
    }
  })

  it('refuses a value that is not a string, naming its key', () => {
    expect(() => parseAnything({ host: 'a', port: 80, metadata: { version: 2 } })).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_INSTANCE',
        field: 'metadata.version',
        message: 'metadata.version of an instance must be a string, got 2 (number)',
      }),
    )
  })
})
