import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { checkServerUrl, RegistryClient, type RegistryClientOptions } from './index.ts'

const good: RegistryClientOptions = { owner: 'TestDiscovery', servers: ['http://127.0.0.1:1'] }

function problemOf(options: unknown): string {
  try {
    new RegistryClient(options as RegistryClientOptions)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError)
    return String((error as Error).message)
  }
  return 'none'
}

describe('options', () => {
  it.each<[string, unknown, string]>([
    ['no object', undefined, 'RegistryClient must be an object'],
    ['no owner', { servers: good.servers }, 'RegistryClient.owner must be the name of a class'],
    ['an unknown one', { ...good, server: 1 }, 'TestDiscovery.server is not a known option. Did you mean servers?'],
    ['no servers', { ...good, servers: [] }, 'TestDiscovery.servers must be an array of one or more URLs'],
    ['a server without scheme', { ...good, servers: ['10.0.0.1:8500'] }, 'It begins with http:// or https://'],
    ['a server of another scheme', { ...good, servers: ['ftp://a'] }, 'TestDiscovery.servers[0] must be a URL'],
    ['a server that is no URL', { ...good, servers: [good.servers[0], 'http://'] }, 'TestDiscovery.servers[1] must be'],
    ['a server that is no text', { ...good, servers: [1] }, 'TestDiscovery.servers[0] must be a URL'],
    ['timeoutMs', { ...good, timeoutMs: 0 }, 'TestDiscovery.timeoutMs must be a number of milliseconds'],
    ['maxAnswerBytes', { ...good, maxAnswerBytes: 0 }, 'TestDiscovery.maxAnswerBytes must be an integer'],
    ['maxConnections', { ...good, maxConnections: 1.5 }, 'TestDiscovery.maxConnections must be an integer'],
    ['clock', { ...good, clock: {} }, 'TestDiscovery.clock must be a Clock'],
    ['random', { ...good, random: 1 }, 'TestDiscovery.random must be a function'],
    ['a misspelt option of TLS', { ...good, tls: { cafile: 'x' } }, 'Did you mean caFile?'],
    ['a path for a text', { ...good, tls: { ca: '/etc/ca.pem' } }, 'The path of a file goes into caFile'],
    ['an empty file', { ...good, tls: { caFile: '' } }, 'TestDiscovery.tls.caFile must be the path of a PEM file'],
    ['both', { ...good, tls: { ca: '-----BEGIN X', caFile: 'x' } }, 'ca or caFile, not both'],
    ['a certificate without a key', { ...good, tls: { certFile: 'x' } }, 'Add key or keyFile'],
    ['a key without a certificate', { ...good, tls: { keyFile: 'x' } }, 'Add cert or certFile'],
    ['an address for a name', { ...good, tls: { serverName: '10.0.0.1' } }, 'serverName must be a DNS name'],
    ['rejectUnauthorized', { ...good, tls: { rejectUnauthorized: 0 } }, 'rejectUnauthorized must be a boolean'],
  ])('refuses %s', (_what, options, problem) => {
    expect(problemOf(options)).toContain(problem)
  })

  it.each([
    ['http://user:secret@10.0.0.1:8500', 'without user name and password. URLs end up in messages and logs'],
    ['http://secret@10.0.0.1:8500', 'without user name and password'],
    ['user:secret@10.0.0.1:8500', 'without user name and password'],
    ['http://10.0.0.1:8500/?token=secret', 'without a query or fragment'],
    ['http://10.0.0.1:8500/#secret', 'without a query or fragment'],
  ])('refuses %s without showing what is secret', (server, problem) => {
    expect(problemOf({ ...good, servers: [server] })).toContain(problem)
    expect(problemOf({ ...good, servers: [server] })).not.toContain('secret')
    expect(() => checkServerUrl('ConsulDiscovery.address', server)).toThrow(/^ConsulDiscovery\.address must be a URL/)
  })

  it('do not show keys', () => {
    const message = problemOf({ ...good, tls: { cert: 'secret', key: 'secret' } })
    expect(message).toContain('TestDiscovery.tls.cert must be a PEM text')
    expect(message).not.toContain('secret')
  })

  it.each(['http://a', 'https://[::1]:1', 'http://10.0.0.1:80/base', 'http://a.example/'])('take %s', (server) => {
    expect(problemOf({ ...good, servers: [server] })).toBe('none')
    expect(() => checkServerUrl('x', server)).not.toThrow()
  })
})
