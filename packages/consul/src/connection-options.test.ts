import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { type ConsulConnectionOptions, connectionOf } from './connection-options.ts'
import type { Environment } from './environment.ts'

const urlOf = (options: ConsulConnectionOptions, env: Environment = {}): string =>
  connectionOf('Owner', { env, ...options }).url

describe('the address of the agent', () => {
  it.each<[string, ConsulConnectionOptions, Environment, string]>([
    ['is the usual one without options', {}, {}, 'http://127.0.0.1:8500'],
    ['is the option', { address: 'http://a:1' }, {}, 'http://a:1'],
    ['may have a path', { address: 'https://a/consul' }, {}, 'https://a/consul'],
    ['may have no scheme', { address: 'a:1' }, {}, 'http://a:1'],
    ['may be IPv6', { address: '[::1]:8500' }, {}, 'http://[::1]:8500'],
    ['is that of the environment', {}, { CONSUL_HTTP_ADDR: 'a:1' }, 'http://a:1'],
    [
      'is that of the option rather than of the environment',
      { address: 'b:1' },
      { CONSUL_HTTP_ADDR: 'a:1' },
      'http://b:1',
    ],
    ['is not that of an empty variable', {}, { CONSUL_HTTP_ADDR: '' }, 'http://127.0.0.1:8500'],
    ['is over TLS when the environment says so', {}, { CONSUL_HTTP_SSL: 'true' }, 'https://127.0.0.1:8500'],
    ['is over TLS without a scheme, too', { address: 'a:1' }, { CONSUL_HTTP_SSL: '1' }, 'https://a:1'],
    [
      'does not lose TLS by the other variable',
      {},
      { CONSUL_HTTP_SSL: 'true', CONSUL_HTTP_ADDR: 'http://a:1' },
      'https://a:1',
    ],
    ['keeps the scheme of the option', { address: 'http://a:1' }, { CONSUL_HTTP_SSL: 'true' }, 'http://a:1'],
    ['is not over TLS when the environment says no', {}, { CONSUL_HTTP_SSL: 'false' }, 'http://127.0.0.1:8500'],
  ])('%s', (_, options, env, expected) => {
    expect(urlOf(options, env)).toBe(expected)
  })
})

describe('the environment', () => {
  it('is that of the process, unless another one is given', () => {
    process.env.CONSUL_HTTP_ADDR = 'of-the-process:1'
    try {
      expect(connectionOf('Owner', {}).url).toBe('http://of-the-process:1')
      expect(connectionOf('Owner', { env: {} }).url).toBe('http://127.0.0.1:8500')
    } finally {
      delete process.env.CONSUL_HTTP_ADDR
    }
  })

  it('gives namespace, partition and TLS, where options do not', () => {
    const env = {
      CONSUL_NAMESPACE: 'n',
      CONSUL_PARTITION: 'p',
      CONSUL_CACERT: '/ca.pem',
      CONSUL_CLIENT_CERT: '/cert.pem',
      CONSUL_CLIENT_KEY: '/key.pem',
      CONSUL_TLS_SERVER_NAME: 'server.dc1.consul',
      CONSUL_HTTP_SSL_VERIFY: 'false',
    }
    expect(connectionOf('Owner', { env })).toMatchObject({
      namespace: 'n',
      partition: 'p',
      tls: {
        caFile: '/ca.pem',
        certFile: '/cert.pem',
        keyFile: '/key.pem',
        serverName: 'server.dc1.consul',
        rejectUnauthorized: false,
      },
    })
    const options = { namespace: 'o', partition: 'q', tls: { caFile: '/other.pem' } }
    expect(connectionOf('Owner', { env, ...options })).toMatchObject(options)
    expect(connectionOf('Owner', { env: {} }).tls).toBeUndefined()
  })

  it.each<[string, ConsulConnectionOptions, Environment, string | undefined]>([
    ['none', {}, {}, undefined],
    ['that of the environment', {}, { CONSUL_HTTP_TOKEN: 'e' }, 'e'],
    ['the option', { token: 'o' }, { CONSUL_HTTP_TOKEN: 'e', CONSUL_HTTP_TOKEN_FILE: '/none' }, 'o'],
    ['what a function gives', { token: async () => 'f' }, { CONSUL_HTTP_TOKEN: 'e' }, 'f'],
  ])('has a token: %s', async (_, options, env, expected) => {
    expect(await connectionOf('Owner', { ...options, env }).token()).toBe(expected)
  })
})

describe('basic authentication', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

  it.each<[string, ConsulConnectionOptions, Environment, string | undefined, string]>([
    ['is none by default', {}, {}, undefined, 'http://127.0.0.1:8500'],
    ['is that of the environment', {}, { CONSUL_HTTP_AUTH: 'me:a:b%20' }, 'me:a:b%20', 'http://127.0.0.1:8500'],
    ['may have no password', {}, { CONSUL_HTTP_AUTH: 'me' }, 'me:', 'http://127.0.0.1:8500'],
    ['is not that of an empty variable', {}, { CONSUL_HTTP_AUTH: '' }, undefined, 'http://127.0.0.1:8500'],
    ['is that of the address', { address: 'https://me:a%40b%25@h/c' }, {}, 'me:a@b%', 'https://h/c'],
    ['is that of an address without a scheme', { address: 'me:a@b@h:1' }, {}, 'me:a@b', 'http://h:1'],
    [
      'is that of the address in the environment, with TLS',
      {},
      { CONSUL_HTTP_ADDR: 'http://me:a@h:1', CONSUL_HTTP_SSL: 'true', CONSUL_HTTP_AUTH: 'other:x' },
      'me:a',
      'https://h:1',
    ],
    [
      'is the option',
      { address: 'h:1', auth: { username: 'mü', password: '' } },
      { CONSUL_HTTP_AUTH: 'x:y' },
      'mü:',
      'http://h:1',
    ],
  ])('%s', (_, options, env, expected, url) => {
    const connection = connectionOf('Owner', { env, ...options })
    expect(connection.authorization?.header).toBe(expected === undefined ? undefined : basic(expected))
    expect(connection.url).toBe(url)
  })
})

describe('options of the connection', () => {
  it.each<[string, object, string]>([
    ['an address that is none', { address: 'http://a b' }, 'Owner.address must be'],
    ['an empty address', { address: '' }, 'Owner.address must be'],
    ['another scheme', { address: 'ftp://a' }, 'Owner.address must be'],
    ['a socket of the file system', { address: 'unix:///run/consul.sock' }, 'file system are not supported'],
    ['a bad address in the environment', { env: { CONSUL_HTTP_ADDR: 'unix:///a' } }, 'Owner.env.CONSUL_HTTP_ADDR'],
    [
      'neither true nor false',
      { env: { CONSUL_HTTP_SSL: 'maybe' } },
      'Owner.env.CONSUL_HTTP_SSL must be "true" or "false"',
    ],
    ['an empty token', { token: '' }, 'Owner.token must be'],
    ['a token that is a number', { token: 7 }, 'Owner.token must be'],
    ['a token and a file', { token: 'a', tokenFile: '/b' }, 'Owner.tokenFile must be absent'],
    ['an empty file', { tokenFile: '' }, 'Owner.tokenFile'],
    ['an empty namespace', { namespace: '' }, 'Owner.namespace'],
    ['a partition that is a number', { partition: 1 }, 'Owner.partition'],
    ['no time', { timeoutMs: 0 }, 'Owner.timeoutMs'],
    ['an environment that is a text', { env: 'A=b' }, 'Owner.env must be an object'],
    ['half a clock', { clock: { now: () => 0 } }, 'Owner.clock'],
    ['chance that is a number', { random: 4 }, 'Owner.random'],
  ])('may not be %s', (_, options, message) => {
    const build = (): unknown => connectionOf('Owner', { env: {}, ...options } as ConsulConnectionOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(message)
  })

  it.each<[string, ConsulConnectionOptions]>([
    ['a token that no header can have', { token: 's3cret\n' }],
    ['a token in the environment', { env: { CONSUL_HTTP_TOKEN: 's3cret\u00e4' } }],
    ['a password in an address that is none', { address: 'http://me:s3cret@a b' }],
    ['a password in a socket', { address: 'unix://me:s3cret@/run/consul.sock' }],
    ['a password that is not encoded', { address: 'http://me:s3cret%@a:1' }],
    ['a password with a slash', { address: 'http://me:s3cret/@a:1' }],
    ['a password without a user', { address: 'http://:s3cret@a:1' }],
    ['a password in an address of the environment', { env: { CONSUL_HTTP_ADDR: 'me:s3cret%zz@a:1' } }],
    ['a password beside an option', { address: 'http://me:s3cret@a:1', auth: { username: 'you' } }],
    ['a password with a line break', { auth: { username: 'me', password: 's3cret\n' } }],
    ['a user with a colon', { auth: { username: 'me:s3cret' } }],
    ['a password in the environment without a user', { env: { CONSUL_HTTP_AUTH: ':s3cret' } }],
    ['a token in the address', { address: 'http://a:1/?token=s3cret' }],
  ])('are not shown when they are secrets: %s', (_, options) => {
    const build = (): unknown => connectionOf('Owner', { env: {}, ...options })
    expect(build).toThrow(InvalidOptionError)
    expect(build).not.toThrow('s3cret')
  })
})
