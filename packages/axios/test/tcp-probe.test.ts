import { getEventListeners } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { ServiceInstance } from '@lb/core'
import { instance, unsharedPort } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tcpProbe } from '../src/index.ts'

let server: Server
let sockets: Set<Socket>
let accepted: number
let target: ServiceInstance
let controller: AbortController

beforeEach(async () => {
  sockets = new Set()
  accepted = 0
  server = createServer((socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.resume()
  })
  const port = await unsharedPort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  target = instance('a', { port })
  controller = new AbortController()
})

afterEach(stop)

async function stop(): Promise<void> {
  for (const socket of sockets) socket.destroy()
  if (server.listening) await new Promise((resolve) => server.close(resolve))
}

async function probe(options?: { port?: number }, to: ServiceInstance = target): Promise<unknown> {
  return tcpProbe(options)(to, { signal: controller.signal })
}

const listeners = (): number => getEventListeners(controller.signal, 'abort').length

describe('tcpProbe', () => {
  it('takes an accepted connection for healthy, and closes it', async () => {
    expect(await probe()).toEqual({ healthy: true, reason: `connected to 127.0.0.1:${target.port}` })
    await expect.poll(() => [accepted, sockets.size], { interval: 2, timeout: 20_000 }).toEqual([1, 0])
  })

  it('rejects with what went wrong when nobody listens', async () => {
    await stop()
    await expect(probe()).rejects.toThrow(`connect ECONNREFUSED 127.0.0.1:${target.port}`)
  })

  it('goes to another port when told to', async () => {
    expect(await probe({ port: target.port }, instance('a', { port: 1 }))).toMatchObject({ healthy: true })
  })

  it('leaves neither sockets nor listeners behind, however often it is sent', async () => {
    for (let round = 0; round < 50; round++) await probe()
    expect(listeners()).toBe(0)
    await expect.poll(() => [accepted, sockets.size], { interval: 2, timeout: 20_000 }).toEqual([50, 0])
    await stop()
    for (let round = 0; round < 50; round++) await probe().catch(() => {})
    expect(listeners()).toBe(0)
  })

  it('ends when its signal is aborted, before it connected', async () => {
    const reason = new Error('time is up')
    const probed = probe()
    expect(listeners()).toBe(1)
    controller.abort(reason)
    await expect(probed).rejects.toBe(reason)
    expect(listeners()).toBe(0)
    await expect.poll(() => sockets.size, { interval: 2, timeout: 20_000 }).toBe(0)
  })

  it('ends when its signal is aborted while the name is looked up', async () => {
    const named = instance('a', { host: 'localhost', port: target.port })
    const probed = probe({}, named)
    controller.abort()
    await expect(probed).rejects.toThrow(/abort/)
    expect(listeners()).toBe(0)
    // By the time this one connected, the other would have.
    controller = new AbortController()
    await probe({}, named)
    await expect.poll(() => [accepted, sockets.size], { interval: 2, timeout: 20_000 }).toEqual([1, 0])
  })

  it('does not connect when its signal was aborted before', async () => {
    controller.abort()
    await expect(probe()).rejects.toThrow(/abort/)
    expect([accepted, listeners()]).toEqual([0, 0])
  })

  it('refuses bad options', () => {
    expect(() => tcpProbe({ port: 0 })).toThrow('tcpProbe.port must be an integer in [1, 65535], got 0 (number)')
    expect(() => tcpProbe({ prot: 80 } as object)).toThrow('tcpProbe.prot is not a known option. Did you mean port?')
    expect(() => tcpProbe(null as unknown as object)).toThrow('tcpProbe must be an object, got null')
  })
})
