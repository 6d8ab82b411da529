import { Agent, createServer, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { LoadBalancer, recordTraffic, type ServiceInstance, StaticDiscovery } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { exponential } from '../latency-profile.ts'
import { randomTree } from '../random-tree.ts'
import { simulate } from '../simulation.ts'
import { readRecording } from './read-recording.ts'

const random = randomTree(1)('service times')

async function slowServer(meanMs: number): Promise<Server> {
  const server = createServer((_request, response) => {
    setTimeout(() => response.end('ok'), meanMs * exponential(random))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

describe('a recording of real servers', () => {
  it('has the p99 that was recorded, within 10 %, when it is played', async () => {
    const servers = await Promise.all([60, 10, 10, 10].map(slowServer))
    const agent = new Agent({ keepAlive: true })
    const instances = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`)
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: instances }) })
    await lb.ready('users')
    const recording = recordTraffic(lb, { maxMs: 60_000 })
    const attempt = ({ host, port }: ServiceInstance): Promise<void> =>
      new Promise((resolve, reject) => {
        get({ agent, host, port }, (response) => response.resume().on('end', resolve)).on('error', reject)
      })
    const calls: Promise<void>[] = []
    const startMs = performance.now()
    // Two seconds of 200 calls each, sent at their time whatever the responses take.
    while (calls.length < 400) {
      const due = Math.min(400, (performance.now() - startMs) / 5)
      while (calls.length < due) calls.push(lb.execute('users', attempt, { idempotent: true }))
      await delay(1)
    }
    await Promise.all(calls)
    recording.stop()
    let text = ''
    for await (const chunk of recording) text += chunk
    await lb.close()
    agent.destroy()
    for (const server of servers) server.close()

    const read = await readRecording(text)
    expect(read).toMatchObject({ calls: 400, goodput: 1 })
    for (const seed of [1, 2, 3]) {
      const report = await simulate({ recording: read, seed })
      expect(report.p99Ms / read.p99Ms).toBeGreaterThan(0.9)
      expect(report.p99Ms / read.p99Ms).toBeLessThan(1.1)
    }
    let received: number[] = []
    await simulate({
      recording: read,
      loadBalancer: { balancer: 'peak-ewma' },
      script: ({ at, durationMs, fleet }) =>
        at(durationMs, () => {
          received = fleet.all.map((each) => each.received)
        }),
    })
    // A quarter of the calls went to the slow one.
    expect(received[0]).toBeLessThan(90)
  })
})
