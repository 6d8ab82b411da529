import { LoadBalancer, type LoadBalancerEvent } from '@lb/core'
import { LoopbackBackend, Traffic } from '@lb/testing'
import { Consul, type NetworkNamespace, startTimeoutMs, TestNetwork } from 'test-servers'
import { describeWithNetwork, describeWithServers } from 'test-servers/suites'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { ConsulDiscovery } from '../src/index.ts'
import { register } from './registered.ts'

const within = { timeout: 20_000 }

/** A load balancer that calls two backends while something happens to the agent. */
class Scene {
  readonly lb: LoadBalancer
  readonly events: LoadBalancerEvent['type'][] = []
  readonly traffic: Traffic
  readonly #backends: readonly LoopbackBackend[]
  readonly #consul: Consul

  static async start(consul: Consul): Promise<Scene> {
    const backends = [await LoopbackBackend.start({ id: 'a' }), await LoopbackBackend.start({ id: 'b' })]
    await register(consul, 'web', addresses(backends, ['a']))
    const scene = new Scene(consul, backends)
    await scene.lb.ready('web')
    return scene
  }

  private constructor(consul: Consul, backends: readonly LoopbackBackend[]) {
    this.#consul = consul
    this.#backends = backends
    // An agent that is gone without a word is noticed after 1.6 s.
    const discovery = new ConsulDiscovery({ address: consul.url, env: {}, waitMs: 1_000, timeoutMs: 500 })
    this.lb = new LoadBalancer({ discovery })
    this.lb.subscribe(({ type }) => this.events.push(type))
    this.traffic = new Traffic(this.lb, 'web')
  }

  /** Makes these backends the list. */
  use(...ids: readonly string[]): Promise<void> {
    return register(this.#consul, 'web', addresses(this.#backends, ids))
  }

  async isServedBy(...ids: readonly string[]): Promise<void> {
    await vi.waitFor(async () => {
      this.traffic.answers.clear()
      await vi.waitFor(() => expect(this.traffic.count).toBeGreaterThan(9))
      expect([...this.traffic.answers.keys()].sort()).toEqual(ids)
    }, within)
  }

  /** The failure is known, and hundreds of calls later it still made no difference. */
  async callsGoOnStale(): Promise<void> {
    await vi.waitFor(() => expect(this.events).toContain('discovery-failed'), within)
    expect(this.lb.inspect('web')).toMatchObject({ status: 'stale' })
    const before = this.traffic.count
    await vi.waitFor(() => expect(this.traffic.count).toBeGreaterThan(before + 200), within)
    expect([...this.traffic.answers.keys()]).toEqual(['a'])
    expect(this.events).not.toContain('empty-list-held')
  }

  async catchesUp(): Promise<void> {
    await this.use('a', 'b')
    await this.isServedBy('a', 'b')
    expect(this.events).toContain('discovery-recovered')
    await this.use('b')
    await this.isServedBy('b')
    expect(this.traffic.failures).toEqual([])
  }

  async end(): Promise<void> {
    await this.traffic.stop()
    await this.lb.close()
    for (const backend of this.#backends) await backend.stop()
    await register(this.#consul, 'web', [])
  }
}

function addresses(backends: readonly LoopbackBackend[], ids: readonly string[]): { host: string; port: number }[] {
  return backends.filter(({ id }) => ids.includes(id)).map(({ host, port }) => ({ host, port }))
}

describeWithServers('while the agent is away', Consul.programs, () => {
  let consul: Consul
  let scene: Scene
  beforeAll(async () => {
    consul = await Consul.start({ persistent: true })
  }, startTimeoutMs)
  afterAll(() => consul.stop())
  beforeEach(async () => {
    scene = await Scene.start(consul)
  })
  afterEach(() => scene.end())

  it('killed: calls go on, and changes are seen when it is back', async () => {
    await scene.isServedBy('a')
    await consul.kill()
    await scene.callsGoOnStale()
    await consul.restart()
    await scene.catchesUp()
  }, 60_000)

  it('told to end: calls go on, whatever it says as it goes', async () => {
    await scene.isServedBy('a')
    await consul.terminate()
    await scene.callsGoOnStale()
    await consul.restart()
    await scene.catchesUp()
  }, 60_000)

  it('frozen: calls go on, and changes are seen when it moves again', async () => {
    await scene.isServedBy('a')
    consul.pause()
    await scene.callsGoOnStale()
    consul.resume()
    await scene.catchesUp()
  }, 60_000)
})

describeWithNetwork('while the network to the agent is cut', Consul.programs, () => {
  let network: TestNetwork
  let consul: Consul
  let scene: Scene
  const namespace = (): NetworkNamespace => network.namespaces[0] as NetworkNamespace
  beforeAll(async () => {
    network = TestNetwork.create()
    consul = await Consul.start({ namespace: namespace() })
  }, startTimeoutMs)
  afterAll(async () => {
    await consul.stop()
    network.close()
  })
  beforeEach(async () => {
    scene = await Scene.start(consul)
  })
  afterEach(() => scene.end())

  it('packets lost without a word: calls go on, and changes are seen when they arrive again', async () => {
    await scene.isServedBy('a')
    await namespace().cutOff()
    await scene.callsGoOnStale()
    await namespace().heal()
    await scene.catchesUp()
  }, 60_000)

  it('connections refused: calls go on, and changes are seen when they are accepted again', async () => {
    await scene.isServedBy('a')
    await namespace().refuse()
    await scene.callsGoOnStale()
    await namespace().heal()
    await scene.catchesUp()
  }, 60_000)
})
