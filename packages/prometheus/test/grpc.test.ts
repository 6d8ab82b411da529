import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { registerLoadBalancer } from '@lb/grpc'
import { LoopbackGrpcServer, textMethod } from '@lb/testing/suites'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { collectMetrics } from '../src/index.ts'

const { path, requestSerialize, responseDeserialize } = textMethod('Say')

it('counts a call of gRPC once, however many attempts it makes', async () => {
  const servers = await Promise.all(['bad', 'good'].map((id) => LoopbackGrpcServer.start(grpc, id)))
  for (const server of servers) if (server.id === 'bad') server.script = { code: 14 }
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: servers.map(({ address }) => address) }) })
  const registry = new Registry()
  collectMetrics(lb, { registry })
  registerLoadBalancer(lb, { scheme: 'metrics', idempotent: [path] })
  const client = new grpc.Client('metrics:users', grpc.credentials.createInsecure())
  for (let call = 0; call < 4; call++) {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, 'hi', (error) =>
        error === null ? resolve() : reject(error),
      )
    })
  }
  await expect
    .poll(() => registry.metrics())
    .toContain('lb_client_call_duration_seconds_count{lb_name="default",lb_service="users",result="ok"} 4')
  const attempts = /^lb_client_attempt_duration_seconds_count\{.*result="failed".*\} [1-4]$/m
  expect(await registry.metrics()).toMatch(attempts)
  client.close()
  await lb.close()
  for (const server of servers) server.kill()
})
