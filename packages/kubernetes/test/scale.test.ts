import { Notes } from '@lb/testing'
import { KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { KubernetesRegistry } from './kubernetes-registry.ts'
import { podEndpoint, type SliceJson, slice } from './slices.ts'

describeWithServers('with a Kubernetes API server that has much to say', KubeApiServer.programs, () => {
  let server: KubeApiServer
  let registry: KubernetesRegistry
  beforeAll(async () => {
    server = await KubeApiServer.start()
    registry = new KubernetesRegistry(server)
  }, startTimeoutMs)
  afterAll(() => server.stop())

  function eventually(check: () => void): Promise<void> {
    return vi.waitFor(check, { timeout: 30_000, interval: 20 })
  }

  it('5 000 instances of a service are one list, and a change of one of them is seen', {
    timeout: 90_000,
  }, async () => {
    // As the controller does: a hundred in a slice.
    const sliceOf = (number: number, last = 99): SliceJson => {
      const pods = Array.from({ length: 100 }, (_, index) =>
        podEndpoint(`10.1.${number}.${index === 99 ? last : index}`, `p${number}-${index}`),
      )
      return slice('big', `big-${number}`, pods)
    }
    const slices = Array.from({ length: 50 }, (_, number) => sliceOf(number))
    await registry.write('big', slices)
    const discovery = registry.discover()
    const notes = new Notes()
    discovery.watch('big', notes)
    await eventually(() => expect(notes.lists[0]).toHaveLength(5_000))
    expect(await discovery.getInstances('big')).toHaveLength(5_000)
    await registry.write('big', [...slices.slice(0, 49), sliceOf(49, 200)])
    await eventually(() => expect(notes.lists.at(-1)?.some(({ host }) => host === '10.1.49.200')).toBe(true))
    const [before, after] = [notes.lists[0], notes.lists.at(-1)].map((list) => new Set(list?.map(({ id }) => id)))
    expect(after).toEqual(before)
    await discovery.close()
  })

  it('200 services are watched by one process, through a restart of the server', { timeout: 120_000 }, async () => {
    const services = Array.from({ length: 200 }, (_, index) => `many-${index}`)
    const write = (last: number): Promise<unknown> =>
      inTurns(services, (service, index) => registry.set(service, [{ host: `10.2.${index}.${last}`, port: 80 }]))
    await write(1)
    const discovery = registry.discover()
    const all = services.map((service) => {
      const notes = new Notes()
      discovery.watch(service, notes)
      return notes
    })
    const told = (last: number): Promise<void> =>
      eventually(() =>
        expect(all.map(({ hosts }) => hosts?.join())).toEqual(services.map((_, index) => `10.2.${index}.${last}`)),
      )
    await told(1)
    await write(2)
    await told(2)
    expect(all.flatMap(({ errors }) => errors)).toEqual([])
    await server.kill()
    await eventually(() => expect(all.every(({ errors }) => errors.length > 0)).toBe(true))
    await server.restart()
    await write(3)
    await told(3)
    await discovery.close()
  })
})

/** Ten at a time. */
async function inTurns<T>(items: readonly T[], run: (item: T, index: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < items.length; first += 10) {
    await Promise.all(items.slice(first, first + 10).map((item, offset) => run(item, first + offset)))
  }
}
