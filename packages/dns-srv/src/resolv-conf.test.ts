import { describe, expect, it } from 'vitest'
import { formatNameServer, parseNameServer } from './name-server.ts'
import { parseResolvConf } from './resolv-conf.ts'

describe('parseResolvConf', () => {
  it('reads servers, search domains and ndots', () => {
    const text = `# written by hand
nameserver 10.96.0.10
nameserver\t2001:db8::53 ; second
nameserver fe80::1%eth0
search default.svc.cluster.local svc.cluster.local. cluster.local
options timeout:2 ndots:5 rotate
`
    expect(parseResolvConf(text)).toEqual({
      servers: [
        { address: '10.96.0.10', port: 53 },
        { address: '2001:db8::53', port: 53 },
        { address: 'fe80::1%eth0', port: 53 },
      ],
      search: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
      ndots: 5,
      timeoutMs: 2_000,
      onlyTcp: false,
      rotate: true,
    })
  })

  it('has no servers and no domains when there are none', () => {
    expect(parseResolvConf('')).toEqual({ servers: [], search: [], ndots: 1, onlyTcp: false, rotate: false })
  })

  it('takes the last of search and domain', () => {
    expect(parseResolvConf('search a.test b.test\ndomain c.test d.test').search).toEqual(['c.test'])
    expect(parseResolvConf('domain c.test\r\nsearch a.test b.test\r\n').search).toEqual(['a.test', 'b.test'])
  })

  it('leaves out what cannot be used', () => {
    const options = 'options ndots:x ndots: timeout:-1 attempts:two attempts no-use-vc rotated'
    const text = `nameserver dns.example\nnameserver\nsearch a..test . ok.test\n${options}\nnonsense`
    expect(parseResolvConf(text)).toEqual({
      servers: [],
      search: ['ok.test'],
      ndots: 1,
      onlyTcp: false,
      rotate: false,
    })
  })

  it('reads the options of all lines; of one that is there twice, the last counts', () => {
    const text = 'options timeout:1 attempts:3 use-vc\noptions timeout:4 edns0'
    expect(parseResolvConf(text)).toMatchObject({ timeoutMs: 4_000, tries: 3, onlyTcp: true, rotate: false })
  })

  it('bounds all of it', () => {
    const lines = Array.from({ length: 50 }, (_, index) => `nameserver 10.0.0.${index}`)
    const domains = Array.from({ length: 50 }, (_, index) => `d${index}.test`)
    const conf = parseResolvConf(
      `${lines.join('\n')}\nsearch ${domains.join(' ')}\noptions ndots:99 timeout:99 attempts:99`,
    )
    expect([conf.servers.length, conf.search.length, conf.ndots]).toEqual([8, 32, 15])
    expect([conf.timeoutMs, conf.tries]).toEqual([30_000, 5])
    expect(parseResolvConf('options timeout:0 attempts:0')).toMatchObject({ timeoutMs: 1_000, tries: 1 })
  })
})

describe('parseNameServer', () => {
  it.each([
    ['10.0.0.2', '10.0.0.2:53'],
    ['10.0.0.2:8600', '10.0.0.2:8600'],
    ['2001:db8::2', '[2001:db8::2]:53'],
    ['[2001:db8::2]', '[2001:db8::2]:53'],
    ['[::1]:5353', '[::1]:5353'],
  ])('reads %s as %s', (text, expected) => {
    const server = parseNameServer(text)
    expect(server && formatNameServer(server)).toBe(expected)
  })

  it.each([
    '',
    'localhost',
    'localhost:53',
    '10.0.0',
    '10.0.0.2:',
    '10.0.0.2:0',
    '10.0.0.2:65536',
    '10.0.0.2:1e3',
    '[10.0.0.2]:53',
    '[::1',
    '::1:x',
  ])('refuses %j', (text) => {
    expect(parseNameServer(text)).toBeUndefined()
  })
})
