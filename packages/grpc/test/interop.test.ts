import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import * as protoLoader from '@grpc/proto-loader'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackGrpcServer, textMethod, textProto } from '@lb/testing/suites'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { type ClientGrpcProxy, ClientProxyFactory, GrpcMethod, Transport } from '@nestjs/microservices'
import { createChannel, createClient, Metadata } from 'nice-grpc'
import type { Observable } from 'rxjs'
import { firstValueFrom } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerLoadBalancer } from '../src/index.ts'

interface Text {
  readonly text: string
}

const folder = mkdtempSync(join(tmpdir(), 'lb-grpc-'))
const protoPath = join(folder, 'echo.proto')
let servers: LoopbackGrpcServer[]
let lb: LoadBalancer

beforeAll(async () => {
  writeFileSync(protoPath, textProto)
  servers = await Promise.all(['a', 'b'].map((id) => LoopbackGrpcServer.start(grpc, id)))
  lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: servers.map(({ address }) => address) }) })
  registerLoadBalancer(lb, { scheme: 'interop' })
})

afterAll(async () => {
  await lb.close()
  for (const server of servers) server.kill()
  rmSync(folder, { recursive: true })
})

/** Calls until both servers have responded. */
async function expectBoth(say: () => Promise<Text>): Promise<void> {
  const texts = new Set<string>()
  await expect
    .poll(async () => {
      texts.add((await say()).text)
      return texts.size
    })
    .toBe(2)
  expect([...texts].toSorted()).toEqual(['a: hi', 'b: hi'])
}

describe('clients that sit on grpc-js', () => {
  it('works with a client of @grpc/proto-loader', async () => {
    interface EchoClient extends grpc.Client {
      say(request: Text, callback: (error: Error | null, response?: Text) => void): void
    }
    type Package = { lb: { testing: { v1: { Echo: new (...args: [string, grpc.ChannelCredentials]) => EchoClient } } } }
    const loaded: unknown = grpc.loadPackageDefinition(protoLoader.loadSync(protoPath))
    const { Echo } = (loaded as Package).lb.testing.v1
    const client = new Echo('interop:users', grpc.credentials.createInsecure())
    await expectBoth(
      () =>
        new Promise((resolve, reject) => {
          client.say({ text: 'hi' }, (error, response) => (response === undefined ? reject(error) : resolve(response)))
        }),
    )
    client.close()
  })

  it('works with a client that was generated for grpc-js', async () => {
    // What grpc-tools, ts-proto and protobuf-ts write comes to this.
    const Client = grpc.makeGenericClientConstructor({ say: textMethod('Say') }, 'Echo')
    const client = new Client('interop:///users', grpc.credentials.createInsecure())
    await expectBoth(
      () =>
        new Promise((resolve, reject) => {
          client.say?.('hi', (error: Error | null, text: string) =>
            error === null ? resolve({ text }) : reject(error),
          )
        }),
    )
    client.close()
  })

  it.each(['interop:///users', 'interop:users'])('works with nice-grpc, %s', async (target) => {
    const channel = createChannel(target)
    const client = createClient(
      {
        say: {
          ...textMethod('Say'),
          responseStream: false as const,
          requestSerialize: (value: Text) => textMethod('Say').requestSerialize(value.text),
          responseDeserialize: (bytes: Uint8Array): Text => ({
            text: textMethod('Say').responseDeserialize(Buffer.from(bytes)),
          }),
          requestDeserialize: (bytes: Uint8Array): Text => ({
            text: textMethod('Say').requestDeserialize(Buffer.from(bytes)),
          }),
          responseSerialize: (value: Text) => textMethod('Say').responseSerialize(value.text),
        },
      },
      channel,
    )
    await expectBoth(() => client.say({ text: 'hi' }, { metadata: new Metadata() }))
    channel.close()
  })
})

describe('Nest', () => {
  class EchoController {
    say({ text }: Text): Text {
      return { text: `nest: ${text}` }
    }
  }
  class EchoModule {}

  const grpcOptions = { package: 'lb.testing.v1', protoPath }

  it.each(['interop:users', 'interop:///users'])('works with ClientGrpc, %s', async (url) => {
    const client = ClientProxyFactory.create({ transport: Transport.GRPC, options: { ...grpcOptions, url } })
    const echo = (client as ClientGrpcProxy).getService<{ say(request: Text): Observable<Text> }>('Echo')
    await expectBoth(() => firstValueFrom(echo.say({ text: 'hi' })))
    client.close()
  })

  it('is called by name where it serves gRPC', async () => {
    GrpcMethod('Echo', 'Say')(EchoController.prototype, 'say', descriptorOf(EchoController.prototype, 'say'))
    Controller()(EchoController)
    Module({ controllers: [EchoController] })(EchoModule)
    const free = await LoopbackGrpcServer.start(grpc, 'free')
    free.kill()
    const application = await NestFactory.createMicroservice(EchoModule, {
      transport: Transport.GRPC,
      options: { ...grpcOptions, url: free.address },
      logger: false,
    })
    await application.listen()
    const own = new LoadBalancer({ discovery: new StaticDiscovery({ nest: [free.address] }) })
    registerLoadBalancer(own, { scheme: 'nest' })
    const client = ClientProxyFactory.create({
      transport: Transport.GRPC,
      options: { ...grpcOptions, url: 'nest:nest' },
    })
    const echo = (client as ClientGrpcProxy).getService<{ say(request: Text): Observable<Text> }>('Echo')
    expect(await firstValueFrom(echo.say({ text: 'hi' }))).toEqual({ text: 'nest: hi' })
    client.close()
    await Promise.all([own.close(), application.close()])
  })
})

function descriptorOf(target: object, name: string): PropertyDescriptor {
  return Object.getOwnPropertyDescriptor(target, name) ?? {}
}
