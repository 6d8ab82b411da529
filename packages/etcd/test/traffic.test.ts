import { LoadBalancer } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import { Etcd, type NetworkNamespace, startTimeoutMs, TestNetwork } from 'test-servers'
import { describeWithNetwork, describeWithServers } from 'test-servers/suites'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { EtcdDiscovery, EtcdRegistrar } from '../src/index.ts'
import { eventually } from './eventually.ts'

const timeout = 60_000

/** Calls one after the other, without an end, and counts. */
class Caller {
  readonly served = new Map<string, number>()
  readonly failures: unknown[] = []
  #calls = 0
  #isStopped = false
  readonly #running: Promise<void>

  constructor(lb: LoadBalancer) {
    this.#running = this.#run(lb)
  }

  /** Resolves when so many more calls were answered. */
  async more(calls: number): Promise<void> {
    const until = this.#calls + calls
    await eventually(() => expect(this.#calls).toBeGreaterThanOrEqual(until), 10_000)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #run(lb: LoadBalancer): Promise<void> {
    while (!this.#isStopped) {
      try {
        const id = await lb.execute('orders', async ({ host, port }, { signal }) => {
          const response = await fetch(`http://${host}:${port}/`, { signal })
          return ((await response.json()) as { id: string }).id
        })
        this.#calls++
        this.served.set(id, (this.served.get(id) ?? 0) + 1)
      } catch (cause) {
        this.failures.push(cause)
      }
    }
  }
}

interface Fault {
  readonly begin: () => Promise<void> | void
  readonly end: () => Promise<void> | void
}

function describeTraffic(start: () => Promise<Etcd>, faults: Readonly<Record<string, (etcd: Etcd) => Fault>>): void {
  let etcd: Etcd
  let lb: LoadBalancer
  let registrar: EtcdRegistrar
  const backends: LoopbackBackend[] = []

  beforeAll(async () => {
    etcd = await start()
  }, startTimeoutMs)
  afterAll(() => etcd.stop())
  beforeEach(() => {
    const options = { endpoints: [etcd.url], timeoutMs: 1_000 }
    // Longer than any fault here: what is registered stays.
    registrar = new EtcdRegistrar({ ...options, ttlMs: 60_000 })
    lb = new LoadBalancer({ discovery: new EtcdDiscovery({ ...options, probeIntervalMs: 500 }) })
  })
  afterEach(async () => {
    await lb.close()
    await registrar.close()
    for (const backend of backends.splice(0)) await backend.stop()
  })

  const add = async (id: string): Promise<void> => {
    const backend = await LoopbackBackend.start({ id })
    backends.push(backend)
    await registrar.register('orders', { id, host: '127.0.0.1', port: Number(new URL(backend.url).port) })
  }

  it.each(Object.entries(faults))(
    'goes on while etcd is %s, and follows when that is over',
    { timeout },
    async (_, fault) => {
      const { begin, end } = fault(etcd)
      await add('a')
      await add('b')
      await lb.ready('orders')
      const caller = new Caller(lb)
      await eventually(() => expect([...caller.served.keys()].sort()).toEqual(['a', 'b']))
      const failed = new Promise<boolean>((resolve) => {
        lb.subscribe((event) => event.type === 'discovery-failed' && resolve(event.stale))
      })
      await begin()
      expect(await failed).toBe(true)
      await caller.more(100)
      await end()
      await eventually(() => add('c'), 20_000)
      await eventually(() => expect([...caller.served.keys()].sort()).toEqual(['a', 'b', 'c']), 20_000)
      await caller.stop()
      expect(caller.failures).toEqual([])
    },
  )
}

for (const version of ['3.4', '3.5'] as const) {
  describeWithServers(`traffic, on etcd ${version}`, Etcd.programs, () => {
    describeTraffic(() => Etcd.start({ version }), {
      'killed (SIGKILL)': (etcd) => ({ begin: () => etcd.kill(), end: () => etcd.restart() }),
      'frozen (SIGSTOP)': (etcd) => ({ begin: () => etcd.pause(), end: () => etcd.resume() }),
    })
  })

  describeWithNetwork(`traffic, with etcd ${version} in another network`, Etcd.programs, () => {
    let network: TestNetwork
    const namespace = (): NetworkNamespace => network.namespaces[0] as NetworkNamespace
    afterAll(() => network.close())
    describeTraffic(
      () => {
        network = TestNetwork.create()
        return Etcd.start({ version, namespace: namespace() })
      },
      {
        'cut off': () => ({ begin: () => namespace().cutOff(), end: () => namespace().heal() }),
        'behind a firewall that resets': () => ({ begin: () => namespace().refuse(), end: () => namespace().heal() }),
      },
    )
  })
}
