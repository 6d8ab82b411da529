import { createServer, type Server } from 'node:http'
import { createServer as createHttp2Server, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { create, createFileRegistry, type DescMessage, type Message } from '@bufbuild/protobuf'
import type { GenService } from '@bufbuild/protobuf/codegenv2'
import { FieldDescriptorProto_Type as FieldType, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { createClient } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { createConnectTransport } from '@connectrpc/connect-web'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { createFetch } from '@lb/undici'
import { Agent, H2CClient } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'

type Echo = GenService<{
  say: { methodKind: 'unary'; input: DescMessage; output: DescMessage }
  follow: { methodKind: 'server_streaming'; input: DescMessage; output: DescMessage }
}>

/** What generated code has: the service of `textProto`. */
function echoService(): Echo {
  const text = { name: 'text', number: 1, type: FieldType.STRING }
  const types = { inputType: '.lb.testing.v1.Text', outputType: '.lb.testing.v1.Text' }
  const method = [
    { name: 'Say', ...types },
    { name: 'Follow', ...types, serverStreaming: true },
  ]
  const file = create(FileDescriptorProtoSchema, {
    name: 'echo.proto',
    package: 'lb.testing.v1',
    syntax: 'proto3',
    messageType: [{ name: 'Text', field: [text] }],
    service: [{ name: 'Echo', method }],
  })
  const service = createFileRegistry(file, () => undefined).getService('lb.testing.v1.Echo')
  if (service === undefined) throw new Error('no service')
  return service as Echo
}

const echo = echoService()
const textOf = (message: object): string => String(Reflect.get(message, 'text'))
const messageOf = (text: string): Message => create(echo.method.say.input, { text })

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
})

async function serve(
  id: string,
  newServer: (handler: ReturnType<typeof connectNodeAdapter>) => Server | Http2Server,
): Promise<string> {
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(echo, {
        say: (request) => messageOf(`${id}: ${textOf(request)}`),
        follow: async function* (request) {
          yield messageOf(`${id}: ${textOf(request)}`)
          yield messageOf('end')
        },
      }),
  })
  const server = newServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function expectBoth(addresses: readonly string[], dispatcher?: Agent): Promise<void> {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: addresses }) })
  const fetch = createFetch(lb, { dispatcher })
  opened.push(
    () => lb.close(),
    () => fetch.close(),
  )
  const transport = createConnectTransport({ baseUrl: 'http://users', useBinaryFormat: true, fetch })
  const client = createClient(echo, transport)
  const texts = [await client.say(messageOf('hi')), await client.say(messageOf('hi'))].map(textOf)
  expect(texts.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['a: hi', 'b: hi'])
  const followed: string[] = []
  for await (const message of client.follow(messageOf('hi'))) followed.push(textOf(message))
  expect(followed).toEqual([expect.stringMatching(/^[ab]: hi$/), 'end'])
  await expect.poll(() => lb.inspect('users').inFlight).toBe(0)
}

describe('Connect', () => {
  it('works over createFetch of @lb/undici', async () => {
    await expectBoth([await serve('a', createServer), await serve('b', createServer)])
  })

  it('works over createFetch and HTTP/2', async () => {
    const addresses = [await serve('a', createHttp2Server), await serve('b', createHttp2Server)]
    const dispatcher = new Agent({ factory: (origin) => new H2CClient(origin) })
    opened.push(() => dispatcher.destroy())
    await expectBoth(addresses, dispatcher)
  })
})
