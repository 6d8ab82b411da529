import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { DnsDiscovery } from './dns-discovery.ts'
import { DnsSdDiscovery } from './dns-sd-discovery.ts'
import { DnsSrvDiscovery } from './dns-srv-discovery.ts'
import type { DnsSrvDiscoveryOptions } from './options.ts'

describe('options of DnsSrvDiscovery', () => {
  it.each<[string, DnsSrvDiscoveryOptions]>([
    ['nothing', {}],
    ['a text', { name: '_grpc._tcp.{service}.service.consul.' }],
    ['a text for one service', { name: 'web.lb.test' }],
    ['a function', { name: (service) => `${service}.lb.test` }],
    [
      'everything',
      {
        servers: ['[::1]:53', '10.0.0.1'],
        search: ['a.test.'],
        resolvConf: 'x',
        timeoutMs: 1,
        tries: 10,
        resolveTargets: false,
        family: 6,
        checkRoutes: false,
        missingGraceMs: 0,
      },
    ],
    ['undefined', { name: undefined, servers: undefined, family: undefined } as unknown as DnsSrvDiscoveryOptions],
  ])('may be %s', (_, options) => {
    expect(() => new DnsSrvDiscovery(options)).not.toThrow()
  })

  it.each<[string, object, string]>([
    ['a name that is no text', { name: 7 }, 'DnsSrvDiscovery.name must be'],
    ['an empty name', { name: '' }, 'It is empty'],
    ['a name that cannot be asked for', { name: '_http._tcp.{service}..test' }, 'It has an empty label'],
    ['another placeholder', { name: '_http._tcp.<service>.test' }, 'It has a character'],
    ['no servers', { servers: [] }, 'Leave it out to ask those of the system'],
    ['too many servers', { servers: Array.from({ length: 9 }, () => '10.0.0.1') }, 'an array of 1 to 8'],
    ['servers that are no list', { servers: '10.0.0.1' }, 'an array of 1 to 8'],
    ['a server that is a name', { servers: ['10.0.0.1', 'dns.test'] }, 'DnsSrvDiscovery.servers[1] must be'],
    ['search domains that are no list', { search: 'a.test' }, 'an array of domains'],
    ['a search domain that is none', { search: ['a b'] }, 'DnsSrvDiscovery.search[0]'],
    ['a search domain that is no text', { search: [1] }, 'It is no text'],
    ['an empty path', { resolvConf: '' }, 'the path of a file'],
    ['no time', { timeoutMs: 0 }, 'DnsSrvDiscovery.timeoutMs must be'],
    ['no try', { tries: 0 }, 'DnsSrvDiscovery.tries must be an integer in [1, 10]'],
    ['too many tries', { tries: 11 }, 'DnsSrvDiscovery.tries'],
    ['another transport', { transport: 'TCP' }, '"udp" or "tcp"'],
    ['a word for a boolean', { resolveTargets: 'no' }, 'DnsSrvDiscovery.resolveTargets'],
    ['another family', { family: 5 }, '4 or 6, or absent for both'],
    ['a word for the check of routes', { checkRoutes: 'yes' }, 'DnsSrvDiscovery.checkRoutes'],
    ['a negative grace', { missingGraceMs: -1 }, 'DnsSrvDiscovery.missingGraceMs'],
    ['options of another discovery', { port: 80 }, 'DnsSrvDiscovery.port'],
    ['chance that is no function', { random: 4 }, 'DnsSrvDiscovery.random'],
    ['half a clock', { clock: { now: () => 0 } }, 'DnsSrvDiscovery.clock'],
    ['an unknown option', { timeout: 5 }, 'Did you mean timeoutMs?'],
    ['no object', [] as object, 'DnsSrvDiscovery must be an object'],
  ])('may not be %s', (_, options, message) => {
    const build = (): unknown => new DnsSrvDiscovery(options as DnsSrvDiscoveryOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(message)
  })
})

describe('options of DnsDiscovery', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'DnsDiscovery must be an object'],
    ['no port', { name: 'web.test' }, 'DnsDiscovery.port must be the port of the instances, 1 to 65535'],
    ['a port beyond the last', { port: 65_536 }, 'DnsDiscovery.port must be an integer in [1, 65535]'],
    ['a port that is a text', { port: '80' }, 'DnsDiscovery.port'],
    ['a word for a boolean', { port: 80, secure: 'yes' }, 'DnsDiscovery.secure'],
    ['options of another discovery', { port: 80, resolveTargets: true }, 'DnsDiscovery.resolveTargets'],
  ])('may not be %s', (_, options, message) => {
    const build = (): unknown => new DnsDiscovery(options as never)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(message)
  })
})

describe('options of DnsSdDiscovery', () => {
  it.each<[string, object, string]>([
    ['keys that are no object', { txtKeys: 'weight' }, 'DnsSdDiscovery.txtKeys must be'],
    ['an unknown use of a key', { txtKeys: { wieght: 'w' } }, 'Did you mean weight?'],
    ['an empty key', { txtKeys: { zone: '' } }, 'DnsSdDiscovery.txtKeys.zone must be the key of an attribute'],
    ['a key with an equals sign', { txtKeys: { zone: 'a=b' } }, 'DnsSdDiscovery.txtKeys.zone'],
    ['a key that is no text', { txtKeys: { version: 1 } }, 'DnsSdDiscovery.txtKeys.version'],
  ])('may not be %s', (_, options, message) => {
    const build = (): unknown => new DnsSdDiscovery(options)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(message)
  })
})
