import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FaultProxy } from '../src/index.ts'

const greeting = 'hello from the server'

let server: Server
let proxy: FaultProxy
const clients = new Set<Socket>()
const served = new Set<Socket>()

beforeEach(async () => {
  // Says its greeting, then what it hears.
  server = createServer((socket) => {
    served.add(socket)
    socket.on('error', () => socket.destroy())
    socket.write(greeting)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await FaultProxy.start({ port: (server.address() as AddressInfo).port })
})
afterEach(async () => {
  await proxy.close()
  for (const socket of [...clients, ...served]) socket.destroy()
  clients.clear()
  served.clear()
  server.close()
})

/** A client, with what happened to it: the chunks it got, and how it ended. */
interface Client {
  readonly socket: Socket
  readonly chunks: Buffer[]
  ending: string | undefined
}

function client(): Client {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true })
  clients.add(socket)
  const seen: Client = { socket, chunks: [], ending: undefined }
  socket.on('data', (chunk: Buffer) => seen.chunks.push(chunk))
  socket.on('end', () => {
    seen.ending ??= 'end'
  })
  socket.on('error', (error) => {
    seen.ending ??= 'code' in error ? String(error.code) : error.message
  })
  return seen
}

function text({ chunks }: Client): string {
  return Buffer.concat(chunks).toString('latin1')
}

async function greeted(): Promise<Client> {
  const one = client()
  await vi.waitFor(() => expect(text(one)).toBe(greeting))
  return one
}

describe('a proxy with faults', () => {
  it('passes bytes and the end in both directions, and counts them', async () => {
    const one = await greeted()
    one.socket.end('ping')
    await vi.waitFor(() => expect(one.ending).toBe('end'))
    expect(text(one)).toBe(`${greeting}ping`)
    expect([proxy.connections, proxy.bytesFromClients, proxy.bytesFromServer]).toEqual([1, 4, greeting.length + 4])
    await vi.waitFor(() => expect(proxy.openConnections).toBe(0))
  })

  it('refuses new connections and leaves open ones alone, until it passes again', async () => {
    const one = await greeted()
    proxy.refuse()
    const two = client()
    await vi.waitFor(() => expect(two.ending).toBe('ECONNREFUSED'))
    one.socket.write('ping')
    await vi.waitFor(() => expect(text(one)).toBe(`${greeting}ping`))
    await proxy.pass()
    await greeted()
  })

  it('resets open connections on both sides', async () => {
    const [one, two] = [await greeted(), await greeted()]
    expect(proxy.openConnections).toBe(2)
    proxy.reset()
    await vi.waitFor(() => expect([one.ending, two.ending]).toEqual(['ECONNRESET', 'ECONNRESET']))
    expect(proxy.openConnections).toBe(0)
    await greeted()
  })

  it('is a black hole that lets nothing out, not even that the server is gone', async () => {
    const one = await greeted()
    proxy.blackHole()
    const two = client()
    await once(two.socket, 'connect')
    one.socket.write('ping')
    server.close()
    for (const socket of served) socket.resetAndDestroy()
    await vi.waitFor(() => expect(proxy.connections).toBe(2))
    // Whatever the proxy let through is there before a third connection is.
    await once(client().socket, 'connect')
    expect([one.ending, two.ending, text(two), text(one)]).toEqual([undefined, undefined, '', greeting])
    expect(proxy.openConnections).toBe(3)
    one.socket.destroy()
    two.socket.destroy()
    await vi.waitFor(() => expect(proxy.openConnections).toBe(1))
  })

  it('passes on what the black hole held', async () => {
    const one = await greeted()
    proxy.blackHole()
    one.socket.write('ping')
    const two = client()
    await once(two.socket, 'connect')
    await proxy.pass()
    await vi.waitFor(() => expect([text(one), text(two)]).toEqual([`${greeting}ping`, greeting]))
  })

  it('holds no more than a system does', async () => {
    const one = await greeted()
    proxy.blackHole()
    one.socket.write(Buffer.alloc(64 * 1024 * 1024))
    const allIsTaken = vi.waitFor(() => expect(one.socket.writableLength).toBe(0), { timeout: 500 })
    await expect(allIsTaken).rejects.toThrow()
  })

  it('closes while it holds', async () => {
    const one = await greeted()
    proxy.blackHole()
    one.socket.write('ping')
    await proxy.close()
    await vi.waitFor(() => expect(one.ending).toBe('ECONNRESET'))
  })

  it('sends single bytes', async () => {
    proxy.singleBytes()
    const one = await greeted()
    // The system may join some that wait.
    expect(one.chunks.length).toBeGreaterThan(greeting.length / 4)
  })

  it.each(['end', 'reset'] as const)('cuts what the server sends, by %s', async (by) => {
    proxy.cutAt(5, by)
    const one = client()
    await vi.waitFor(() => expect(one.ending).toBe(by === 'end' ? 'end' : 'ECONNRESET'))
    expect(by === 'end' ? text(one) : 'hello').toBe('hello')
    expect('hello'.startsWith(text(one))).toBe(true)
  })

  it('inverts one byte', async () => {
    proxy.corruptAt(1)
    const one = client()
    await vi.waitFor(() => expect(text(one)).toBe(greeting.replace('e', '\u009a')))
  })

  it('hands the bytes of the server to a transform, with their offset', async () => {
    const offsets: number[] = []
    const one = await greeted()
    proxy.transform((bytes, offset) => {
      offsets.push(offset)
      return Buffer.from(bytes.toString().toUpperCase())
    })
    one.socket.write('ping')
    await vi.waitFor(() => expect(text(one)).toBe(`${greeting}PING`))
    expect(offsets).toEqual([greeting.length])
  })

  it('passes megabytes on to a slow reader', async () => {
    const one = await greeted()
    one.socket.pause()
    const size = 8 * 1024 * 1024
    one.socket.write(Buffer.alloc(size, 'x'))
    await vi.waitFor(() => expect(proxy.bytesFromClients).toBeGreaterThan(0))
    one.socket.resume()
    await vi.waitFor(() => expect(text(one).length).toBe(greeting.length + size), { timeout: 5_000, interval: 100 })
  })

  it('resets the client when there is no server', async () => {
    const gone = await FaultProxy.start({ port: 1 })
    const socket = connect({ port: gone.port, host: '127.0.0.1' })
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
    await gone.close()
  })
})
