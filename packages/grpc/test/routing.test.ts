import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackGrpcServer } from '@lb/testing/suites'
import { afterEach, expect, it } from 'vitest'
import { registerLoadBalancer } from '../src/index.ts'
import { TextClient } from './grpc-js-client.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A client before a server of v1 and one of v2; the metadata `x-version` of a call says which it wants. */
async function versions(scheme: string, fallback: 'none' | 'any'): Promise<(version?: string) => Promise<string>> {
  const servers = await Promise.all([LoopbackGrpcServer.start(grpc, 'a'), LoopbackGrpcServer.start(grpc, 'b')])
  ends.push(...servers.map((server) => () => server.kill()))
  const instances = servers.map(({ address }, index) => {
    const [host = '', port] = address.split(':')
    return { host, port: Number(port), metadata: { version: `v${index + 1}` } }
  })
  const discovery = new StaticDiscovery({ users: instances })
  const lb = new LoadBalancer({ discovery, routing: { keys: ['version'], fallback } })
  ends.push(() => lb.close())
  registerLoadBalancer(lb, {
    scheme,
    match: ({ metadata }) => ({ version: metadata.get('x-version')[0]?.toString() }),
  })
  const client = new TextClient(grpc, new grpc.Client(`${scheme}:users`, grpc.credentials.createInsecure()))
  ends.push(() => client.close())
  return (version) =>
    client.say({
      text: 'hi',
      deadlineMs: 10_000,
      waitForReady: false,
      ...(version === undefined ? undefined : { metadata: { 'x-version': version } }),
    })
}

it('sends a call to the instances that match', async () => {
  const say = await versions('routed', 'none')
  for (let call = 0; call < 3; call++) {
    expect(await say('v2')).toBe('b: hi')
    expect(await say('v1')).toBe('a: hi')
  }
})

it('fails where none matches without a fallback, while other calls go on', async () => {
  const say = await versions('strict', 'none')
  await expect(say('v9')).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE })
  expect(await say('v2')).toBe('b: hi')
})

it('takes another instance where the service says so', async () => {
  const say = await versions('lenient', 'any')
  expect(['a: hi', 'b: hi']).toContain(await say('v9'))
})

it.each([
  ['hashKey', 'request.hashKey must be a string, got a promise (object)'],
  ['match', 'request.match must be an object of strings, got a promise (object)'],
  ['criticality', 'criticality must be one of critical, default, sheddable, got a promise (object)'],
])('refuses a call whose %s is async, and handles what it rejects with', async (option, details) => {
  const server = await LoopbackGrpcServer.start(grpc, 'a')
  ends.push(() => server.kill())
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [server.address] }) })
  ends.push(() => lb.close())
  // An unhandled rejection fails the run.
  const rejecting = async (): Promise<string> => Promise.reject(new Error('no database'))
  const scheme = `async-${option.toLowerCase()}`
  registerLoadBalancer(lb, { scheme, [option]: rejecting })
  const client = new TextClient(grpc, new grpc.Client(`${scheme}:users`, grpc.credentials.createInsecure()))
  ends.push(() => client.close())
  await expect(client.say({ text: 'hi', deadlineMs: 10_000, waitForReady: true })).rejects.toMatchObject({
    code: grpc.status.UNAVAILABLE,
    details,
  })
})
