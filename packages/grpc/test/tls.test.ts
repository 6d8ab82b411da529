import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, type ServiceInstanceInit, StaticDiscovery } from '@lb/core'
import { textMethod } from '@lb/testing/suites'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { grpcProbe, type RegisterLoadBalancerOptions, registerLoadBalancer } from '../src/index.ts'
import { TextClient } from './grpc-js-client.ts'

let key: Buffer
let cert: Buffer
const servers: grpc.Server[] = []
const opened: { close(): unknown }[] = []
let registered = 0

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'lb-grpc-'))
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  // The name of the service, and that of one host; no address.
  const names = ['-subj', '/CN=users', '-addext', 'subjectAltName=DNS:users,DNS:localhost']
  execFileSync('openssl', ['req', '-x509', ...options, ...names, '-keyout', keyFile, '-out', certFile], {
    stdio: 'pipe',
  })
  key = readFileSync(keyFile)
  cert = readFileSync(certFile)
  rmSync(folder, { recursive: true })
})
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close()
})
afterAll(() => {
  for (const server of servers) server.forceShutdown()
})

async function serve(address: string, tls: boolean, serving = 1): Promise<number> {
  const server = new grpc.Server()
  server.addService(
    { Say: textMethod('Say') },
    {
      Say: (call: grpc.ServerUnaryCall<string, string>, callback: grpc.sendUnaryData<string>) =>
        callback(null, `hello ${call.request}`),
    },
  )
  const bytes = (value: Buffer): Buffer => value
  const check = { ...textMethod('Say'), path: '/grpc.health.v1.Health/Check', requestDeserialize: bytes }
  server.addService(
    { Check: { ...check, responseSerialize: bytes } },
    {
      Check: (_call: unknown, callback: grpc.sendUnaryData<Buffer>) => callback(null, Buffer.from([8, serving])),
    },
  )
  const credentials = tls
    ? grpc.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }])
    : grpc.ServerCredentials.createInsecure()
  servers.push(server)
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)))
  })
}

function client(
  instance: ServiceInstanceInit,
  credentials: grpc.ChannelCredentials,
  options: RegisterLoadBalancerOptions = {},
  channelOptions: grpc.ClientOptions = {},
): TextClient {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [instance] }) })
  const scheme = `tls${registered++}`
  registerLoadBalancer(lb, { ...options, scheme })
  const made = new TextClient(grpc, new grpc.Client(`${scheme}:users`, credentials, channelOptions))
  opened.push(lb, made)
  return made
}

const hi = { text: 'hi', deadlineMs: 5_000 }

describe('instances behind TLS', () => {
  const trusting = (): grpc.ChannelCredentials => grpc.credentials.createSsl(cert)

  it('must have the name of the service in their certificate, if the host is an address', async () => {
    const port = await serve('127.0.0.1:0', true)
    expect(await client({ host: '127.0.0.1', port, secure: true }, trusting()).say(hi)).toBe('hello hi')
  })

  it('must have the name of their host, if that is a name', async () => {
    const port = await serve('127.0.0.1:0', true)
    const instance = { host: 'localhost', port, secure: true }
    expect(await client(instance, trusting()).say(hi)).toBe('hello hi')
  })

  it('are refused with another name', async () => {
    const port = await serve('127.0.0.1:0', true)
    const instance = { host: '127.0.0.1', port, secure: true }
    const strict = client(instance, trusting(), { serverName: 'instance' })
    await expect(strict.say(hi)).rejects.toThrow(/users: none of 1 instance can be reached/)
  })

  it('have the name that the channel gives, before any other', async () => {
    const port = await serve('127.0.0.1:0', true)
    const given = { 'grpc.ssl_target_name_override': 'localhost' }
    const instance = { host: '127.0.0.1', port, secure: true }
    expect(await client(instance, trusting(), { serverName: 'instance' }, given).say(hi)).toBe('hello hi')
  })
})

describe('addresses', () => {
  it('may be of IPv6', async () => {
    const port = await serve('[::1]:0', false)
    expect(await client(`[::1]:${port}`, grpc.credentials.createInsecure()).say(hi)).toBe('hello hi')
  })

  it('are no sockets', () => {
    expect(() => new StaticDiscovery({ users: ['unix:/tmp/socket'] })).toThrow(
      expect.objectContaining({ code: 'LB_INVALID_INSTANCE' }),
    )
  })
})

describe('grpcProbe', () => {
  const probed = async (port: number, options = {}, secure = false): Promise<unknown> => {
    const [instance] = await new StaticDiscovery({ users: [{ host: '127.0.0.1', port, secure }] }).getInstances('users')
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [instance ?? ''] }) })
    opened.push(lb)
    await lb.ready('users')
    return grpcProbe(options)(lb.pick('users'), { signal: AbortSignal.timeout(5_000) })
  }

  it('asks the health service', async () => {
    const [well, ill] = [await serve('127.0.0.1:0', false), await serve('127.0.0.1:0', false, 2)]
    expect(await probed(well)).toEqual({ healthy: true, reason: 'Check answered SERVING' })
    expect(await probed(ill, { service: 'users.v1.Users' })).toEqual({
      healthy: false,
      reason: 'Check answered NOT_SERVING',
    })
  })

  it('asks over TLS with the credentials given', async () => {
    const port = await serve('127.0.0.1:0', true)
    const channelOptions = { 'grpc.ssl_target_name_override': 'users' }
    const credentials = grpc.credentials.createSsl(cert)
    expect(await probed(port, { credentials, channelOptions }, true)).toMatchObject({ healthy: true })
  })

  it('fails where nothing listens, and ends with its signal', async () => {
    await expect(probed(1)).rejects.toMatchObject({ code: 14 })
    const aborted = AbortSignal.abort()
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: ['127.0.0.1:1'] }) })
    opened.push(lb)
    await lb.ready('users')
    await expect(grpcProbe()(lb.pick('users'), { signal: aborted })).rejects.toThrow()
  })

  it('ejects and returns an instance as its health says', async () => {
    const port = await serve('127.0.0.1:0', false, 2)
    const healthCheck = { probe: grpcProbe(), intervalMs: 20, initialJitterMs: 0, unhealthyThreshold: 1 }
    const lb = new LoadBalancer({
      discovery: new StaticDiscovery({ users: [`127.0.0.1:${port}`] }),
      healthCheck,
      services: { users: {} },
    })
    opened.push(lb)
    await lb.ready('users')
    await expect.poll(() => lb.inspect('users').instances.map(({ state }) => state)).toEqual(['unhealthy'])
  })

  it('names bad options', () => {
    const none: object = { credentials: {} }
    expect(() => grpcProbe(none)).toThrow('grpcProbe.credentials must be credentials of a channel')
    expect(() => grpcProbe({ service: 'x'.repeat(128) })).toThrow('grpcProbe.service must be at most 127 bytes')
  })
})
