import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackGrpcServer } from '@lb/testing/suites'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { registerLoadBalancer } from '../src/index.ts'
import { TextClient } from './grpc-js-client.ts'

let server: LoopbackGrpcServer
const opened: { close(): unknown }[] = []

beforeEach(async () => {
  server = await LoopbackGrpcServer.start(grpc, 'a')
})
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close()
  server.kill()
})

function loadBalancer(): LoadBalancer {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [server.address] }) })
  opened.push(lb)
  return lb
}

function client(target: string, options: grpc.ClientOptions = {}): TextClient {
  const made = new TextClient(grpc, new grpc.Client(target, grpc.credentials.createInsecure(), options))
  opened.push(made)
  return made
}

const hi = { text: 'hi', deadlineMs: 5_000 }

describe('registerLoadBalancer', () => {
  it('takes the scheme lb by default, and leaves other targets alone', async () => {
    const lb = loadBalancer()
    const end = registerLoadBalancer(lb)
    expect(await client('lb:users').say(hi)).toBe('a: hi')
    expect(await client(server.address).say(hi)).toBe('a: hi')
    expect(await client(`dns:${server.address}`).say(hi)).toBe('a: hi')
    end()
  })

  it('may be done twice with the same load balancer', async () => {
    const lb = loadBalancer()
    registerLoadBalancer(lb, { scheme: 'twice' })
    expect(() => registerLoadBalancer(lb, { scheme: 'twice' })).not.toThrow()
    registerLoadBalancer(lb, { scheme: 'twice', idempotent: ['/a.B/C'] })
    expect(await client('twice:users').say(hi)).toBe('a: hi')
  })

  it('refuses another load balancer under the same scheme, and takes it under another', async () => {
    const [one, other] = [loadBalancer(), loadBalancer()]
    registerLoadBalancer(one, { scheme: 'one' })
    expect(() => registerLoadBalancer(other, { scheme: 'one' })).toThrow(
      'registerLoadBalancer.scheme must be a scheme of no other load balancer',
    )
    registerLoadBalancer(other, { scheme: 'other' })
    expect(await client('other:users').say(hi)).toBe('a: hi')
    expect([one.inspect('users').status, other.inspect('users').status]).toEqual(['unused', 'fresh'])
  })

  it('ends when the load balancer is closed: another one may be registered', async () => {
    const one = loadBalancer()
    registerLoadBalancer(one, { scheme: 'again' })
    await one.close()
    registerLoadBalancer(loadBalancer(), { scheme: 'again' })
    expect(await client('again:users').say(hi)).toBe('a: hi')
  })

  it('can be ended: open channels go on, new ones fail and say why', async () => {
    const end = registerLoadBalancer(loadBalancer(), { scheme: 'ended' })
    const before = client('ended:users')
    expect(await before.say(hi)).toBe('a: hi')
    end()
    expect(await before.say(hi)).toBe('a: hi')
    await expect(client('ended:users').say(hi)).rejects.toThrow(/no load balancer is registered for ended: any more/)
  })

  it.each([
    ['scheme', 'dns'],
    ['scheme', 'Lb'],
    ['scheme', ''],
    ['idempotent', ['GetUser']],
    ['idempotent', '/a.B/C'],
    ['maxRetries', 5],
    ['secondTryAfterMs', 1],
    ['connectTimeoutMs', 0],
    ['serverName', 'host'],
    ['hashKey', 'user'],
    ['criticality', 7],
    ['criticality', ''],
    ['criticality', 'class-bin'],
    ['grpc', {}],
    ['schema', 'lb'],
  ])('names a bad %s', (option, value) => {
    const options: object = { [option]: value }
    expect(() => registerLoadBalancer(loadBalancer(), options)).toThrow(
      expect.objectContaining({ code: 'LB_INVALID_OPTION', message: expect.stringContaining(option) }),
    )
  })

  it('names what is no load balancer', () => {
    const none: LoadBalancer = {} as never
    expect(() => registerLoadBalancer(none)).toThrow('registerLoadBalancer.lb must be a LoadBalancer')
  })
})

describe('a service config', () => {
  const policy = { maxAttempts: 4, initialBackoff: '0.001s', maxBackoff: '0.01s', backoffMultiplier: 1 }

  function config(methodConfig: object): grpc.ClientOptions {
    return { 'grpc.service_config': JSON.stringify({ methodConfig: [methodConfig] }) }
  }

  it('repeats calls as it says, and lb does not besides', async () => {
    registerLoadBalancer(loadBalancer(), { scheme: 'configured', idempotent: ['/lb.testing.v1.Echo/*'] })
    server.script = { code: 8 }
    const retryPolicy = { ...policy, retryableStatusCodes: ['RESOURCE_EXHAUSTED'] }
    const own = client('configured:users', config({ name: [{ service: 'lb.testing.v1.Echo' }], retryPolicy }))
    await expect(own.say(hi)).rejects.toMatchObject({ code: 8 })
    expect(server.calls).toHaveLength(4)
    server.script = { code: 14 }
    await expect(own.say(hi)).rejects.toMatchObject({ code: 14 })
    expect(server.calls).toHaveLength(5)
  })

  it('limits the time of calls as it says', async () => {
    registerLoadBalancer(loadBalancer(), { scheme: 'limited' })
    server.script = { isSilent: true }
    const startedAtMs = performance.now()
    const limited = client('limited:users', config({ name: [{}], timeout: '0.2s' }))
    await expect(limited.say({ text: 'hi' })).rejects.toMatchObject({ code: 4 })
    expect(performance.now() - startedAtMs).toBeGreaterThan(190)
  })
})
