import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { loadBalance } from '@lb/axios'
import { LoadBalancer } from '@lb/core'
import axios from 'axios'
import { Consul, Etcd, FakeNacos, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterEach, describe, expect, it } from 'vitest'
import { type RegistryName, registries } from './registries.ts'

const program = fileURLToPath(new URL('./deployed-instance.ts', import.meta.url))
const instances = 3
const requestsPerSecond = 200

const running = new Set<ChildProcess>()
afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
})

/** Resolves when it is registered. */
async function start(name: RegistryName, url: string, id: string): Promise<ChildProcess> {
  const child = fork(program, [name, url, id])
  running.add(child)
  await once(child, 'message')
  return child
}

/** Every instance is replaced, one after the other, under load. */
async function deploy(name: RegistryName, url: string): Promise<DeployResult> {
  const lb = new LoadBalancer({ discovery: registries[name].discovery(url) })
  const old = await Promise.all(Array.from({ length: instances }, (_, index) => start(name, url, `old ${index}`)))
  let failedAttempts = 0
  let leftAtMs = 0
  const noticedMs: number[] = []
  lb.subscribe((event) => {
    if (event.type === 'request-finished' && !event.outcome.ok) failedAttempts++
    if (event.type === 'instances-changed' && event.removed.length > 0) noticedMs.push(performance.now() - leftAtMs)
  })
  const load = startLoad(lb)
  for (const [index, child] of old.entries()) {
    await start(name, url, `new ${index}`)
    const exited = once(child, 'exit')
    leftAtMs = performance.now()
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    running.delete(child)
  }
  const found = await load.stop()
  await lb.close()
  return { ...found, failedAttempts, noticedMs }
}

interface DeployResult {
  readonly sent: { readonly GET: number; readonly POST: number }
  readonly failed: readonly unknown[]
  readonly failedAttempts: number
  /** From the signal to the list of the client without the instance. */
  readonly noticedMs: readonly number[]
}

/** Every second request is a POST, which lb never repeats once it was sent. */
function startLoad(lb: LoadBalancer): { stop(): Promise<Pick<DeployResult, 'sent' | 'failed'>> } {
  const client = loadBalance(axios.create(), lb)
  const sent = { GET: 0, POST: 0 }
  const failed: unknown[] = []
  const inFlight = new Set<Promise<unknown>>()
  let isStopped = false
  const send = (method: 'GET' | 'POST'): void => {
    sent[method]++
    const request = client
      .request({ url: 'http://user-service/', method })
      .catch((error: unknown) => failed.push(error))
    inFlight.add(request)
    void request.then(() => inFlight.delete(request))
  }
  const running = (async () => {
    while (!isStopped) {
      send('GET')
      send('POST')
      await sleep(2_000 / requestsPerSecond)
    }
  })()
  return {
    stop: async () => {
      isStopped = true
      await running
      await Promise.all(inFlight)
      return { sent, failed }
    },
  }
}

async function expectNoLoss(name: RegistryName, url: string): Promise<void> {
  const { sent, failed, failedAttempts, noticedMs } = await deploy(name, url)
  expect(failed).toEqual([])
  // Nor was one repeated: the instance served until the client had noticed.
  expect(failedAttempts).toBe(0)
  expect(Math.min(sent.GET, sent.POST)).toBeGreaterThan(100)
  expect(noticedMs).toHaveLength(instances)
  expect(Math.max(...noticedMs)).toBeLessThan(registries[name].noticeMs)
}

describeWithServers('a rolling deploy with Consul', Consul.programs, () => {
  it('loses no GET and no POST', { timeout: startTimeoutMs + 60_000 }, async () => {
    const consul = await Consul.start()
    try {
      await expectNoLoss('consul', consul.url)
    } finally {
      await consul.stop()
    }
  })
})

describeWithServers('a rolling deploy with etcd', Etcd.programs, () => {
  it('loses no GET and no POST', { timeout: startTimeoutMs + 60_000 }, async () => {
    const etcd = await Etcd.start()
    try {
      await expectNoLoss('etcd', etcd.url)
    } finally {
      await etcd.stop()
    }
  })
})

describe('a rolling deploy with Nacos', () => {
  it('loses no GET and no POST', { timeout: 60_000 }, async () => {
    const nacos = await FakeNacos.start({ cacheMillis: 1_000 })
    try {
      await expectNoLoss('nacos', nacos.url)
    } finally {
      await nacos.stop()
    }
  })
})
