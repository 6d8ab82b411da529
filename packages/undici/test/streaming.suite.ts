import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { StaticDiscovery } from '@lb/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createFetch } from '../src/index.ts'
import { Fixture } from './fixture.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(handle: Parameters<typeof createServer>[1]): Promise<Fixture> {
  server = createServer(handle as never).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return Fixture.start({ lb: { discovery: new StaticDiscovery({ 'user-service': [address] }) } })
}

const megabyte = 1_048_576

describe('streaming', () => {
  it('hands the first bytes on before the last are there', async () => {
    let finish: (() => void) | undefined
    await using fixture = await serve((_request, response) => {
      response.write('first')
      finish = () => response.end(' last')
    })
    const { body } = await fixture.request()
    const chunks = body[Symbol.asyncIterator]()
    expect(String((await chunks.next()).value)).toBe('first')
    expect(fixture.lb.inspect('user-service').inFlight).toBe(1)
    finish?.()
    expect(String((await chunks.next()).value)).toBe(' last')
    expect((await chunks.next()).done).toBe(true)
    await fixture.allDone(1)
  })

  it('reads no faster than the caller does', async () => {
    let sent = 0
    await using fixture = await serve((_request, response) => {
      const chunk = Buffer.alloc(65_536)
      const write = (): void => {
        while (sent < 64 * megabyte && !response.destroyed) {
          sent += chunk.length
          if (!response.write(chunk)) return void response.once('drain', write)
        }
        response.end()
      }
      write()
    })
    const { body } = await fixture.request()
    let before = -1
    await vi.waitFor(() => {
      const stalled = sent === before
      before = sent
      expect(stalled).toBe(true)
    })
    expect(sent).toBeLessThan(32 * megabyte)
    let received = 0
    for await (const chunk of body) received += (chunk as Buffer).length
    expect(received).toBe(64 * megabyte)
    await fixture.allDone(1)
  })

  it('holds no more of an answer that fails than its limit, and hands all of it on', async () => {
    const length = 4 * megabyte
    await using fixture = await serve((_request, response) => {
      response.writeHead(503)
      response.end(Buffer.alloc(length, 'x'))
    })
    const response = await fixture.request()
    expect(response.statusCode).toBe(503)
    expect((await response.body.text()).length).toBe(length)
    await fixture.allDone(3)
  })

  it('hands a short answer on in pieces when the caller pauses', async () => {
    await using fixture = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 60_000 })
      response.write(Buffer.alloc(30_000, 'a'))
      setTimeout(() => response.end(Buffer.alloc(30_000, 'b')), 5)
    })
    const { body } = await fixture.request({ highWaterMark: 1 })
    await new Promise((resolve) => setImmediate(resolve))
    expect((await body.text()).length).toBe(60_000)
    await fixture.allDone(1)
  })

  it('writes into the stream of `stream` and `pipeline`', async () => {
    await using fixture = await Fixture.start()
    const written: Buffer[] = []
    const sink = new Writable({
      write: (chunk, _encoding, callback) => {
        written.push(chunk)
        callback()
      },
    })
    const target = { origin: 'http://user-service', path: '/', method: 'GET' as const }
    await fixture.dispatcher.stream(target, () => sink)
    expect(JSON.parse(Buffer.concat(written).toString()).url).toBe('/')
    const pipeline = fixture.dispatcher.pipeline({ ...target, method: 'POST' }, ({ body }) => body)
    pipeline.end('hello')
    let text = ''
    for await (const chunk of pipeline) text += chunk
    expect(JSON.parse(text).body).toBe('hello')
    await fixture.allDone(2)
  })

  it('counts an instance whose body breaks off as failed, and the caller gets the error', async () => {
    await using fixture = await serve((_request, response) => {
      response.write('half')
      setTimeout(() => response.socket?.resetAndDestroy(), 5)
    })
    const { body } = await fixture.request()
    await expect(body.text()).rejects.toThrow()
    await fixture.allDone(1)
    expect(fixture.finished[0]).toMatchObject({ outcome: { ok: false } })
  })
})

describe('abort', () => {
  const reason = new Error('enough')

  it('before it began', async () => {
    await using fixture = await Fixture.start()
    await expect(fixture.request({ signal: AbortSignal.abort(reason) })).rejects.toThrow('enough')
    expect(fixture.requests).toEqual([])
  })

  it('while it waits for the first list', async () => {
    const discovery = { getInstances: () => new Promise<never>(() => {}) }
    await using fixture = await Fixture.start({ lb: { discovery } })
    const controller = new AbortController()
    const failure = expect(fixture.request({ signal: controller.signal })).rejects.toThrow('enough')
    controller.abort(reason)
    await failure
  })

  it('while it waits to try again', async () => {
    await using fixture = await Fixture.start({
      backends: 1,
      lb: { retry: { backoffBaseMs: 60_000, backoffMaxMs: 60_000 }, random: () => 0.99 } as never,
    })
    fixture.backend.script = { fault: 'reset' }
    const controller = new AbortController()
    const failure = expect(fixture.request({ signal: controller.signal })).rejects.toThrow('enough')
    await fixture.allDone(1)
    controller.abort(reason)
    await failure
    expect(fixture.requests).toHaveLength(1)
  })

  it('while an instance prepares its response: the connection is closed, and no instance is blamed', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    fixture.backend.script = { fault: 'black-hole' }
    const controller = new AbortController()
    const failure = expect(fixture.request({ signal: controller.signal })).rejects.toThrow('enough')
    await vi.waitFor(() => expect(fixture.requests).toHaveLength(1))
    controller.abort(reason)
    await failure
    await vi.waitFor(() => expect(fixture.backend.connections).toBe(0))
    await fixture.allDone(1)
    expect(fixture.finished[0]).toMatchObject({ outcome: { cancelled: true } })
  })

  it('while the body comes', async () => {
    let closed = false
    await using fixture = await serve((_request, response) => {
      response.write('first')
      response.on('close', () => {
        closed = true
      })
    })
    const controller = new AbortController()
    const { body } = await fixture.request({ signal: controller.signal })
    const failure = expect(body.text()).rejects.toThrow('enough')
    controller.abort(reason)
    await failure
    await vi.waitFor(() => expect(closed).toBe(true))
    await fixture.allDone(1)
    expect(fixture.finished[0]).toMatchObject({ outcome: { cancelled: true } })
  })

  it('of a fetch, in flight and in its body', async () => {
    await using fixture = await serve((request, response) => {
      if (request.url === '/body') response.write('first')
    })
    await using fetch = createFetch(fixture.lb)
    const first = new AbortController()
    const failure = expect(fetch('http://user-service/', { signal: first.signal })).rejects.toThrow('enough')
    await vi.waitFor(() => expect(fixture.lb.inspect('user-service').inFlight).toBe(1))
    first.abort(reason)
    await failure
    const second = new AbortController()
    const response = await fetch('http://user-service/body', { signal: second.signal })
    const broken = expect(response.text()).rejects.toThrow('enough')
    second.abort(reason)
    await broken
    await fixture.allDone(2)
  })
})
