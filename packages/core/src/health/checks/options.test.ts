import { afterEach, describe, expect, it, vi } from 'vitest'
import { InvalidOptionError } from '../../base/errors.ts'
import { HealthChecker } from './checker.ts'
import { checkHealthCheckOptions, type HealthCheckOptions } from './options.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const check = (options: unknown): void => checkHealthCheckOptions('healthCheck', options as HealthCheckOptions)

describe('the options of a health check', () => {
  it.each<[HealthCheckOptions]>([
    [{}],
    [{ path: '/', method: 'HEAD', headers: {}, expectedStatuses: [204, 301], port: 65_535 }],
    [{ path: '/status?full=1&x=%20', headers: { Authorization: 'Basic ü', 'x-empty': '' } }],
    [{ intervalMs: 1, idleIntervalMs: 1, timeoutMs: 1, initialJitterMs: 0, keepRemovedMs: 0 }],
    [{ intervalMs: 120_000 }],
    [{ healthyThreshold: 1, unhealthyThreshold: 1_000, jitter: 1 }],
    [{ probe: () => true, expectedBody: () => true, immediateFailHeader: 'x-going' }],
  ])('may be %j', (options) => {
    expect(() => check(options)).not.toThrow()
    expect(() => new HealthChecker(options)).not.toThrow()
  })

  it.each<[object, string, string]>([
    [{ path: 'health' }, 'path', 'without spaces, "#" or characters beyond ASCII, got "health" (string)'],
    [{ path: '/a b' }, 'path', 'got "/a b" (string)'],
    [{ path: '/a#b' }, 'path', 'got "/a#b" (string)'],
    [{ path: null }, 'path', 'got null (object)'],
    [
      { method: 'get' },
      'method',
      'an HTTP method in capitals, other than CONNECT, TRACE and TRACK, got "get" (string)',
    ],
    [{ method: 'TRACE' }, 'method', 'got "TRACE" (string)'],
    [{ headers: null }, 'headers', 'a plain object of names and values, got null (object)'],
    [{ headers: new Headers({ a: 'b' }) }, 'headers', 'a plain object of names and values, got an object (object)'],
    [{ headers: [['a', 'b']] }, 'headers', 'a plain object of names and values, got an array of 1 (object)'],
    [{ expectedStatuses: 200 }, 'expectedStatuses', 'an array of HTTP statuses that is not empty, got 200 (number)'],
    [{ expectedStatuses: [] }, 'expectedStatuses', 'an array of HTTP statuses that is not empty, got an array of 0'],
    [{ expectedStatuses: [200, 101] }, 'expectedStatuses[1]', 'an integer in [200, 599], got 101 (number)'],
    [{ expectedStatuses: [undefined] }, 'expectedStatuses[0]', 'an integer in [200, 599], got NaN (number)'],
    [{ expectedBody: /ok/ }, 'expectedBody', 'a function, got an object (object)'],
    [{ immediateFailHeader: 'a b' }, 'immediateFailHeader', 'the name of a header, got "a b" (string)'],
    [{ immediateFailHeader: false }, 'immediateFailHeader', 'the name of a header, got false (boolean)'],
    [{ tls: { rejectUnauthorized: 0 } }, 'tls.rejectUnauthorized', 'a boolean'],
    [{ tls: { serverName: '' } }, 'tls.serverName', 'a DNS name, got "" (string)'],
    [{ tls: { ca: ['/ca.pem'] } }, 'tls.ca', 'a PEM text with a BEGIN line. Read the file that has it'],
    [{ port: 0 }, 'port', 'an integer in [1, 65535], got 0 (number)'],
    [{ probe: 'tcp' }, 'probe', 'a function, got "tcp" (string)'],
    [{ intervalMs: 0 }, 'intervalMs', 'a number of milliseconds in [1, 2147483647], got 0 (number)'],
    [{ idleIntervalMs: 4_999 }, 'idleIntervalMs', 'a number of milliseconds in [5000, 2147483647], got 4999 (number)'],
    [{ intervalMs: 9, idleIntervalMs: 8 }, 'idleIntervalMs', 'in [9, 2147483647], got 8 (number)'],
    [{ timeoutMs: Number.NaN }, 'timeoutMs', 'a number of milliseconds in [1, 2147483647], got NaN (number)'],
    [{ healthyThreshold: 0 }, 'healthyThreshold', 'an integer in [1, 1000], got 0 (number)'],
    [{ unhealthyThreshold: 1.5 }, 'unhealthyThreshold', 'an integer in [1, 1000], got 1.5 (number)'],
    [{ jitter: 1.1 }, 'jitter', 'a finite number in [0, 1], got 1.1 (number)'],
    [{ initialJitterMs: -1 }, 'initialJitterMs', 'a number of milliseconds in [0, 2147483647], got -1 (number)'],
    [
      { keepRemovedMs: Infinity },
      'keepRemovedMs',
      'a number of milliseconds in [0, 2147483647], got Infinity (number)',
    ],
  ])('refuse %j', (options, name, rest) => {
    expect(() => check(options)).toThrow(InvalidOptionError)
    expect(() => check(options)).toThrow(
      expect.objectContaining({
        option: `healthCheck.${name}`,
        message: expect.stringMatching(new RegExp(`^healthCheck\\.${escaped(name)} must be .*${escaped(rest)}`)),
      }),
    )
    expect(() => new HealthChecker(options as HealthCheckOptions)).toThrow(
      expect.objectContaining({ option: `HealthChecker.${name}` }),
    )
  })

  it.each<[string, object]>([
    ['a line break in a header', { authorization: 'hunter2\n' }],
    ['a character that no header can have', { authorization: 'hunter2✔' }],
    ['a value that is no string', { authorization: ['hunter2'] }],
    ['a value that is a number', { authorization: 72_727_272 }],
    ['name and value swapped', { 'Bearer hunter2': 'authorization' }],
    ['a header that fetch replaces', { Host: 'hunter2' }],
    ['a header that fetch refuses', { 'transfer-encoding': 'hunter2' }],
  ])('refuse %s without showing the value', (_name, headers) => {
    const build = (): void => check({ headers })
    expect(build).toThrow(expect.objectContaining({ option: expect.stringMatching(/^healthCheck\.headers/) }))
    expect(build).not.toThrow(/hunter2|72727272/)
  })

  it.each<[object, string]>([
    [{ key: 'hunter2' }, 'tls.key must be a PEM text'],
    [{ key: '-----BEGIN hunter2' }, 'tls must have cert and key, or neither. Add cert'],
    [{ cert: '-----BEGIN ' }, 'Add key'],
    [{ CA: '' }, 'Did you mean ca?'],
  ])('refuse tls %j without showing the key', (tls, message) => {
    expect(() => check({ tls })).toThrow(message)
    expect(() => check({ tls })).not.toThrow(/hunter2/)
  })

  it('refuse tls where there is no node:https', () => {
    vi.stubGlobal('process', undefined)
    expect(() => check({ tls: {} })).toThrow('healthCheck.tls must be absent where there is no node:https')
  })

  it('suggest the nearest name for an unknown one', () => {
    expect(() => check({ intervalMS: 5 })).toThrow(
      'healthCheck.intervalMS is not a known option. Did you mean intervalMs?',
    )
  })

  it.each([[null], [7], ['tcp']])('refuse %s in their place', (options) => {
    expect(() => check(options)).toThrow(InvalidOptionError)
    expect(() => new HealthChecker(options as unknown as HealthCheckOptions)).toThrow(InvalidOptionError)
  })

  it('refuse a clock and a random that are none', () => {
    for (const options of [{ clock: null }, { clock: {} }, { random: 4 }]) {
      expect(() => new HealthChecker(options as object)).toThrow(InvalidOptionError)
    }
  })

  it('ask for a probe where there is no fetch', () => {
    vi.stubGlobal('fetch', undefined)
    expect(() => new HealthChecker()).toThrow(
      'HealthChecker.probe must be given where there is no global fetch, got undefined (undefined)',
    )
    expect(() => new HealthChecker({ probe: () => true })).not.toThrow()
  })
})

function escaped(text: string): string {
  return text.replace(/[[\]().*+?^$]/g, '\\$&')
}
