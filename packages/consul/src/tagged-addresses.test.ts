import { expect, it } from 'vitest'
import { httpAddress, taggedAddress } from './tagged-addresses.ts'

const grpc = { Address: 'grpc://10.0.0.5:19000', Port: 19_000 }
const http = { Address: 'http://10.0.0.5:18000', Port: 18_000 }
const https = { Address: 'https://10.0.0.5:18443', Port: 18_443 }

it.each([
  ['http beside gRPC', { grpc, http }, 19_000, { host: '10.0.0.5', port: 18_000, secure: false }],
  ['https beside gRPC', { grpc, https }, 19_000, { host: '10.0.0.5', port: 18_443, secure: true }],
  ['http before https', { https, http, grpc }, 19_000, { host: '10.0.0.5', port: 18_000, secure: false }],
  [
    'https when it has the port of the service',
    { https, http },
    18_443,
    { host: '10.0.0.5', port: 18_443, secure: true },
  ],
  [
    'of IPv6',
    { http: { Address: 'http://[2001:db8::1]:80', Port: 80 } },
    80,
    { host: '2001:db8::1', port: 80, secure: false },
  ],
  ['with the port of the scheme', { https: { Address: 'https://h' } }, 1, { host: 'h', port: 443, secure: true }],
] as const)('the tagged address %s counts', (_case, tagged, port, expected) => {
  expect(httpAddress(tagged, port)).toEqual(expected)
})

it.each([
  [undefined],
  [null],
  [[]],
  ['http'],
  [{ grpc }],
  [{ http: null }],
  [{ http: 'http://h:1' }],
  [{ http: { Address: '10.0.0.5', Port: 80 } }],
  [{ http: { Address: 'grpc://10.0.0.5:80', Port: 80 } }],
  [{ http: { Address: 'http://' } }],
  [{ lan_ipv4: { Address: '10.0.0.5', Port: 80 }, wan: { Address: 'http://10.0.0.5:80' } }],
  [Object.create({ http })],
])('none counts in %j', (tagged) => {
  expect(httpAddress(tagged, 80)).toBeUndefined()
})

it('is read back as it is written', () => {
  const instance = { host: '2001:db8::1', port: 443, secure: true }
  expect(httpAddress(taggedAddress(instance), 443)).toEqual(instance)
})
