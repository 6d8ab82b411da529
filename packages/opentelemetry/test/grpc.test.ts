import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { registerLoadBalancer } from '@lb/grpc'
import { LoopbackGrpcServer, textMethod } from '@lb/testing/suites'
import { context, trace } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { instrument } from '../src/index.ts'
import { childrenOf, Telemetry } from './telemetry.ts'

const { path, requestSerialize, responseDeserialize } = textMethod('Say')

describe('a call of gRPC that moves on', () => {
  let telemetry: Telemetry
  let servers: LoopbackGrpcServer[]
  let lb: LoadBalancer
  let client: grpc.Client

  beforeEach(async () => {
    telemetry = new Telemetry()
    servers = await Promise.all(['bad', 'good'].map((id) => LoopbackGrpcServer.start(grpc, id)))
    lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: servers.map(({ address }) => address) }) })
    instrument(lb, telemetry.providers)
    registerLoadBalancer(lb, { scheme: 'spans', idempotent: [path] })
    client = new grpc.Client('spans:users', grpc.credentials.createInsecure())
  })

  afterEach(async () => {
    client.close()
    await lb.close()
    for (const server of servers) server.kill()
    telemetry[Symbol.dispose]()
  })

  function say(): Promise<string> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, 'hi', (error, text = '') =>
        error === null ? resolve(text) : reject(error),
      )
    })
  }

  it('is one span, a child of what its caller does, with a span for each attempt', async () => {
    const [bad] = servers
    // The first one, whichever the phase of round robin picks, does not count.
    await say()
    await say()
    if (bad !== undefined) bad.script = { code: 14 }
    const tracer = telemetry.tracerProvider.getTracer('test')
    const parent = tracer.startSpan('parent')
    await context.with(trace.setSpan(context.active(), parent), async () => {
      expect(await say()).toBe('good: hi')
      expect(await say()).toBe('good: hi')
    })
    parent.end()
    await expect.poll(() => telemetry.spans('users').length).toBe(4)
    const calls = childrenOf(telemetry.spans('parent')[0], telemetry.spans('users'))
    expect(calls).toHaveLength(2)
    const moved = calls.find(({ attributes }) => attributes['lb.call.attempts'] === 2)
    expect(moved?.attributes).toMatchObject({ 'lb.call.result': 'ok', 'lb.call.retries': 1 })
    const attempts = childrenOf(moved, telemetry.spans('attempt'))
    expect(attempts.map(({ attributes }) => [attributes['lb.attempt.kind'], attributes['error.type']])).toEqual([
      ['first', 'UNAVAILABLE'],
      ['retry', undefined],
    ])
  })

  it('counts as one call in the metrics', async () => {
    const [bad] = servers
    if (bad !== undefined) bad.script = { code: 14 }
    for (let call = 0; call < 4; call++) await say()
    const count = async (name: string): Promise<number> => {
      const points = await telemetry.points(name)
      return points.reduce((sum, { value }) => sum + (typeof value === 'number' ? value : value.count), 0)
    }
    await expect.poll(() => count('lb.client.call.duration')).toBe(4)
    const retries = await count('lb.client.call.retries')
    expect(retries).toBeGreaterThan(0)
    expect(await count('lb.client.attempt.duration')).toBe(4 + retries)
  })
})
