import { describe, expect, it } from 'vitest'
import { addXForwarded, forwardedElement } from './forwarded.ts'
import type { ClientFacts, ForwardedFields } from './request.ts'

const direct: ClientFacts = { address: '10.0.0.9', proto: 'http', host: 'gw.test:8080', port: 8080, trusted: false }
const none: ForwardedFields = {
  forwarded: undefined,
  xForwardedFor: undefined,
  xForwardedHost: undefined,
  xForwardedProto: undefined,
  xForwardedPort: undefined,
  xForwardedPrefix: undefined,
}

interface Case {
  readonly client?: Partial<ClientFacts>
  readonly fields?: Partial<ForwardedFields>
  readonly mount?: string
}

function sent({ client = {}, fields = {}, mount = '' }: Case): Record<string, string> {
  const headers: string[] = []
  addXForwarded(headers, { ...none, ...fields }, { ...direct, ...client }, mount)
  const pairs = headers.flatMap((name, index) => (index % 2 === 0 ? [[name.slice(12), headers[index + 1] ?? '']] : []))
  return Object.fromEntries(pairs)
}

describe('the X-Forwarded- headers', () => {
  it('say what the connection says', () => {
    expect(sent({ mount: '/users' })).toEqual({
      for: '10.0.0.9',
      proto: 'http',
      host: 'gw.test:8080',
      port: '8080',
      prefix: '/users',
    })
  })

  const said = {
    forwarded: 'for=1.2.3.4;proto=https',
    xForwardedFor: '1.2.3.4',
    xForwardedHost: 'shop.example',
    xForwardedProto: 'https',
    xForwardedPort: '8443',
    xForwardedPrefix: '/shop',
  }

  it('keep what a trusted proxy says, and add to it', () => {
    expect(sent({ client: { trusted: true }, fields: said, mount: '/users' })).toEqual({
      for: '1.2.3.4, 10.0.0.9',
      proto: 'https',
      host: 'shop.example',
      port: '8443',
      prefix: '/shop/users',
    })
  })

  it('drop what anybody else says', () => {
    expect(sent({ fields: said })).toEqual({ for: '10.0.0.9', proto: 'http', host: 'gw.test:8080', port: '8080' })
  })

  it.each([
    [{ client: { host: 'gw.test' } }, '80'],
    [{ client: { host: 'gw.test', proto: 'https' } }, '443'],
    [{ client: { host: '[::1]' } }, '80'],
    [{ client: { host: '[::1]:9000' } }, '9000'],
    [{ client: { host: '', port: 3_000 } }, '3000'],
    [{ client: { trusted: true }, fields: { xForwardedHost: 'a.example', xForwardedProto: 'https, http' } }, '443'],
    [{ client: { trusted: true }, fields: { xForwardedHost: 'a.example:1, b.example:2' } }, '1'],
    [{ client: { host: 'gw.test:' } }, '80'],
    [{ client: { trusted: true }, fields: { xForwardedHost: 'a.example:b"' } }, '80'],
    [{ client: { trusted: true, host: 'gw.test' }, fields: { forwarded: 'for=1.2.3.4;proto=https' } }, '443'],
  ] satisfies [Case, string][])('%o: the port is %s', (given, port) => {
    expect(sent(given).port).toBe(port)
  })

  it.each([
    ['/shop', '/users', '/shop/users'],
    ['/shop/', '/users', '/shop/users'],
    ['/a, /b', '/users', '/a/b/users'],
    ['/shop', '', '/shop'],
    ['/', '/users', '/users'],
    ['', '', undefined],
  ])('a prefix %s and the mount %s are %s', (xForwardedPrefix, mount, prefix) => {
    expect(sent({ client: { trusted: true }, fields: { xForwardedPrefix }, mount }).prefix).toBe(prefix)
  })

  it('without a host, as in HTTP/1.0, there is none', () => {
    expect(sent({ client: { host: '' } })).not.toHaveProperty('host')
    expect(forwardedElement({ ...direct, host: '' })).toBe('for=10.0.0.9;proto=http')
  })

  it('the scheme of Forwarded alone is that of X-Forwarded-Proto', () => {
    expect(sent({ client: { trusted: true }, fields: { forwarded: 'proto=https;for=1.2.3.4' } }).proto).toBe('https')
  })
})
