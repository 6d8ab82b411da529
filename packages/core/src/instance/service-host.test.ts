import { describe, expect, it } from 'vitest'
import { serviceOfHost, withLbAuthority } from './service-host.ts'

describe('the service of a URL', () => {
  it.each([
    ['a single label', { scheme: 'http', host: 'user-service' }, 'user-service'],
    ['a single label with capitals, as it is written', { scheme: 'http', host: 'Users' }, 'Users'],
    ['localhost', { scheme: 'http', host: 'LocalHost' }, undefined],
    ['several labels', { scheme: 'https', host: 'example.org' }, undefined],
    ['a label with a port', { scheme: 'http', host: 'redis', port: '6379' }, undefined],
    ['a label with an empty port', { scheme: 'http', host: 'redis', port: '' }, undefined],
    ['an IPv4 address', { scheme: 'http', host: '127.0.0.1' }, undefined],
    ['an IPv4 address as one number', { scheme: 'http', host: '2130706433' }, undefined],
    ['an IPv4 address as one hexadecimal number', { scheme: 'http', host: '0x7f000001' }, undefined],
    ['any host under lb:', { scheme: 'lb', host: 'users.eu', port: '80' }, 'users.eu'],
    ['a configured host', { scheme: 'http', host: 'api.example.org', port: '8080' }, 'api.example.org'],
    ['a configured host in capitals', { scheme: 'http', host: 'API.example.org' }, 'api.example.org'],
  ])('of %s', (_name, authority, service) => {
    expect(serviceOfHost(authority, new Set(['api.example.org']))).toBe(service)
  })
})

describe('a configured name with capitals', () => {
  const configured = new Set(['UserService', 'com.acme.UserService', 'Orders_V2', 'orders', 'ORDERS'])

  it.each([
    ['userservice', 'UserService'],
    ['USERSERVICE', 'UserService'],
    ['com.acme.userservice', 'com.acme.UserService'],
    ['orders_v2', 'Orders_V2'],
    ['ORDERS', 'ORDERS'],
    ['Orders', 'orders'],
  ])('is reached by the host %s', (host, service) => {
    for (const scheme of ['http', 'https', 'lb']) {
      expect(serviceOfHost({ scheme, host }, configured)).toBe(service)
      expect(serviceOfHost({ scheme, host, port: '8080' }, configured)).toBe(service)
    }
  })
})

describe('withLbAuthority', () => {
  it.each([
    ['lb:users/x', 'lb://users/x'],
    ['lb:/users', 'lb://users'],
    ['lb://users/x?y#z', 'lb://users/x?y#z'],
    ['LB:///Users', 'lb://Users'],
    ['http:users', 'http:users'],
    ['/lb:users', '/lb:users'],
  ])('writes %s as %s', (url, written) => {
    expect(withLbAuthority(url)).toBe(written)
  })
})
