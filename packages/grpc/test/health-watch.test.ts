import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, type ServiceOptions, StaticDiscovery } from '@lb/core'
import { textMethod } from '@lb/testing/suites'
import { afterEach, describe, expect, it } from 'vitest'
import { grpcProbe } from '../src/index.ts'

const bytes = (value: Buffer): Buffer => value
const serving = 1
const notServing = 2

/** A server of `grpc.health.v1` that says what a test lets it say. */
class HealthServer {
  status = serving
  checks = 0
  watches = 0
  readonly streams = new Set<grpc.ServerWritableStream<Buffer, Buffer>>()
  readonly #server = new grpc.Server()

  constructor(withWatch: boolean) {
    const method = { ...textMethod('Say'), requestDeserialize: bytes, responseSerialize: bytes }
    const Check = { ...method, path: '/grpc.health.v1.Health/Check' }
    const Watch = { ...method, path: '/grpc.health.v1.Health/Watch', responseStream: true }
    const check = (_call: unknown, callback: grpc.sendUnaryData<Buffer>): void => {
      this.checks++
      callback(null, Buffer.from([8, this.status]))
    }
    const watch = (call: grpc.ServerWritableStream<Buffer, Buffer>): void => {
      this.watches++
      this.streams.add(call)
      call.on('cancelled', () => this.streams.delete(call))
      call.write(Buffer.from([8, this.status]))
    }
    if (withWatch) this.#server.addService({ Check, Watch }, { Check: check, Watch: watch })
    else this.#server.addService({ Check }, { Check: check })
  }

  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(`127.0.0.1:${port}`) : reject(error),
      )
    })
  }

  announce(status: number): void {
    this.status = status
    for (const stream of this.streams) stream.write(Buffer.from([8, status]))
  }

  endStreams(): void {
    for (const stream of this.streams) stream.end()
    this.streams.clear()
  }

  close(): void {
    this.#server.forceShutdown()
  }
}

const closed: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closed.splice(0).toReversed()) await close()
})

async function started(
  { withWatch = true, intervalMs = 60_000 } = {},
  services: Record<string, ServiceOptions> = { users: {} },
): Promise<{ server: HealthServer; lb: LoadBalancer; state: () => string | undefined }> {
  const server = new HealthServer(withWatch)
  closed.push(() => server.close())
  const address = await server.listen()
  const names = Object.keys(services)
  const discovery = new StaticDiscovery(Object.fromEntries(names.map((name) => [name, [address]])))
  const healthCheck = { probe: grpcProbe(), intervalMs, idleIntervalMs: intervalMs, initialJitterMs: 0 }
  const lb = new LoadBalancer({ discovery, healthCheck, panic: false, services })
  closed.push(() => lb.close())
  for (const name of names) await lb.ready(name)
  return { server, lb, state: () => lb.inspect('users').instances[0]?.state }
}

describe('grpcProbe where Watch is served', () => {
  it('follows the instance: a change counts at once', async () => {
    const { server, state } = await started()
    await expect.poll(() => server.watches).toBe(1)
    server.announce(notServing)
    await expect.poll(state).toBe('unhealthy')
    server.announce(serving)
    await expect.poll(state).toBe('available')
    expect(server.checks).toBe(1)
  })

  it('opens one stream for an instance, also if several services have it', async () => {
    const { server, state } = await started({}, { users: {}, orders: {} })
    await expect.poll(() => server.watches).toBe(1)
    server.announce(notServing)
    await expect.poll(state).toBe('unhealthy')
    expect(server.watches).toBe(1)
  })

  it('opens the stream again when it has ended, and checks meanwhile', async () => {
    const { server, state } = await started()
    await expect.poll(() => server.watches).toBe(1)
    await expect.poll(state).toBe('available')
    server.endStreams()
    await expect.poll(() => server.checks).toBe(2)
    await expect.poll(() => server.watches, { timeout: 5_000 }).toBe(2)
    server.announce(notServing)
    await expect.poll(state).toBe('unhealthy')
  })

  it('reads a server that announces without end no faster than ten times a second', async () => {
    const { server, lb, state } = await started()
    await expect.poll(() => server.watches).toBe(1)
    let changes = 0
    lb.subscribe(() => changes++, ['instance-health-changed'])
    const startedAtMs = performance.now()
    for (let each = 0; each < 1_000; each++) server.announce(each % 2 === 0 ? notServing : serving)
    await expect.poll(state).toBe('unhealthy')
    await expect.poll(state).toBe('available')
    expect(changes).toBeLessThanOrEqual(2 + (performance.now() - startedAtMs) / 100)
  })

  it('ends with the load balancer', async () => {
    const { server, lb } = await started()
    await expect.poll(() => server.streams.size).toBe(1)
    await lb.close()
    await expect.poll(() => server.streams.size).toBe(0)
  })
})

it('grpcProbe goes on with Check where Watch is not served', async () => {
  const { server, state } = await started({ withWatch: false, intervalMs: 20 })
  await expect.poll(() => server.checks).toBeGreaterThan(5)
  expect(state()).toBe('available')
  server.status = notServing
  await expect.poll(state).toBe('unhealthy')
})
