import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { textMethod } from '@lb/testing/suites'
import { afterEach, describe, expect, it } from 'vitest'
import { registerLoadBalancer } from '../src/index.ts'
import { TextClient } from './grpc-js-client.ts'

const servers: Http2Server[] = []
const opened: { close(): unknown }[] = []
let registered = 0

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close()
  for (const server of servers.splice(0)) server.close()
})

async function serve(respond: (stream: ServerHttp2Stream) => void): Promise<string> {
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    stream.resume()
    respond(stream)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A whole response. */
function well(stream: ServerHttp2Stream): void {
  stream.respond(head, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(messageOf('well'))
}

const head = { ':status': 200, 'content-type': 'application/grpc' }

function messageOf(text: string): Buffer {
  const message = textMethod('Say').responseSerialize(text)
  return Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message])
}

/** What becomes of a response that has no status in the end. */
const breaks: Record<string, (stream: ServerHttp2Stream) => void> = {
  'breaks off before its head': (stream) => stream.session?.destroy(),
  'breaks off after its head': (stream) => {
    stream.respond(head)
    setImmediate(() => stream.session?.destroy())
  },
  'breaks off after its message': (stream) => {
    stream.respond(head)
    stream.write(messageOf('half'), () => stream.session?.destroy())
  },
  'is cancelled by the server': (stream) => stream.close(8),
  'is closed after its head without a status': (stream) => {
    stream.respond(head)
    setImmediate(() => stream.close(0))
  },
  'is closed after its message without a status': (stream) => {
    stream.respond(head)
    stream.write(messageOf('half'), () => stream.close(0))
  },
}

function client(addresses: readonly string[], idempotent: boolean): { lb: LoadBalancer; client: TextClient } {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: addresses }) })
  const scheme = `broken${registered++}`
  registerLoadBalancer(lb, { scheme, idempotent: idempotent ? ['/lb.testing.v1.Echo/*'] : [] })
  const made = new TextClient(grpc, new grpc.Client(`${scheme}:users`, grpc.credentials.createInsecure()))
  opened.push(lb, made)
  return { lb, client: made }
}

const hi = { text: 'hi', deadlineMs: 5_000 }

describe.each(Object.entries(breaks))('a response that %s', (_name, respond) => {
  it('is repeated elsewhere, if the method is idempotent', async () => {
    const addresses = [await serve(respond), await serve(well)]
    const { lb, client: repeating } = client(addresses, true)
    for (let call = 0; call < 10; call++) expect(await repeating.say(hi)).toBe('well')
    const [broken] = lb.inspect('users').instances
    expect(broken?.failed).toBeGreaterThan(0)
  })

  it('fails otherwise', async () => {
    const { client: once } = client([await serve(respond)], false)
    await expect(once.say(hi)).rejects.toMatchObject({ code: expect.any(Number) })
  })
})

describe('a stream that the server resets', () => {
  it('gives the caller what the server says, if the method is not idempotent', async () => {
    const { client: once } = client([await serve((stream) => stream.close(8))], false)
    await expect(once.say(hi)).rejects.toMatchObject({ code: 1 })
  })
})

it('passes on the first message of a stream while the stream is open', async () => {
  const follow = (stream: ServerHttp2Stream): void => {
    stream.respond(head)
    stream.write(messageOf('first'))
  }
  const { client: following } = client([await serve(follow)], true)
  for await (const text of following.follow({ text: 'hi' })) {
    expect(text).toBe('first')
    break
  }
})
