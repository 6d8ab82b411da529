import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { describeWithNetwork } from '../src/describe-with-servers.ts'
import { Consul, EtcdCluster, startTimeoutMs, TestNetwork } from '../src/index.ts'

const programs = [...Consul.programs, ...EtcdCluster.programs]

describeWithNetwork('a network of namespaces', programs, () => {
  let network: TestNetwork
  let stop: () => Promise<void> = async () => {}
  beforeEach(() => {
    network = TestNetwork.create(3)
  })
  afterEach(async () => {
    await stop()
    network.close()
  })

  it('loses packets, refuses, and heals', { timeout: startTimeoutMs }, async () => {
    const [namespace] = network.namespaces
    if (namespace === undefined) throw new Error('there is no namespace')
    const consul = await Consul.start({ namespace })
    stop = () => consul.stop()
    const leader = async (): Promise<number> => {
      const response = await fetch(`${consul.url}/v1/status/leader`, { signal: AbortSignal.timeout(300) })
      return response.status
    }
    expect(await leader()).toBe(200)
    await namespace.cutOff()
    await expect(leader()).rejects.toThrow('timeout')
    await namespace.refuse()
    await expect(consul.request('GET', '/v1/status/leader')).rejects.toThrow('ECONNREFUSED')
    await namespace.heal()
    await consul.request('GET', '/v1/status/leader')
  })

  it('loses what a server sends as well, until it heals', { timeout: startTimeoutMs }, async () => {
    const [namespace] = network.namespaces
    if (namespace === undefined) throw new Error('there is no namespace')
    const consul = await Consul.start({ namespace })
    stop = () => consul.stop()
    const wait = `${consul.url}/v1/catalog/services?wait=500ms&index=1000000`
    const answer = fetch(wait)
    let hasAnswer = false
    void answer.then(() => {
      hasAnswer = true
    })
    // The server has the first request when it answers one that was sent later.
    await consul.request('GET', '/v1/catalog/datacenters')
    await namespace.cutOff()
    await expect(vi.waitFor(() => expect(hasAnswer).toBe(true), { timeout: 1_500 })).rejects.toThrow()
    await namespace.heal()
    expect((await answer).status).toBe(200)
  })

  it('cuts a member off from the others, but not from the tests', { timeout: startTimeoutMs }, async () => {
    const cluster = await EtcdCluster.start(3, { namespaces: network.namespaces })
    stop = () => cluster.stop()
    const leader = await vi.waitFor(() => cluster.leader(), { timeout: 5_000 })
    const index = cluster.members.indexOf(leader)
    const namespace = network.namespaces[index]
    await namespace?.cutOff(...network.namespaces.filter((other) => other !== namespace))
    const isHealthy = (): Promise<unknown> => leader.get('/health').catch((error: unknown) => error)
    await vi.waitFor(async () => expect(await isHealthy()).toMatchObject({ status: 503 }), { timeout: 15_000 })
    await namespace?.heal()
    await vi.waitFor(async () => expect(await isHealthy()).toEqual({ health: 'true', reason: '' }), { timeout: 15_000 })
  })
})
