import type { ServerResponse } from 'node:http'
import { GroupedBalancer, type ServiceInstanceInit } from '@lb/core'
import { afterEach, describe, expect, it } from 'vitest'
import { closeAll, type Gateway, type GatewayOptions, startGateway, startInstance } from './support.ts'

afterEach(closeAll)

const balancer = (): GroupedBalancer =>
  new GroupedBalancer({ groupOf: ({ metadata }) => metadata.version, shares: { stable: 95, canary: 5 } })

/** A gateway under load: what was picked, in order, and how the requests ended. */
class LoadedGateway {
  readonly gateway: Gateway
  /** The version of each attempt's instance. */
  readonly picked: string[] = []
  readonly answers = new Map<string, number>()
  #running = true
  #onPick: (() => void) | undefined
  readonly #clients: Promise<void>[]

  constructor(gateway: Gateway, clients: number) {
    this.gateway = gateway
    gateway.lb.observe({
      startCall: () => ({
        startAttempt: ({ instance }) => {
          this.picked.push(instance.metadata.version ?? instance.id)
          this.#onPick?.()
          return undefined
        },
        end: () => {},
      }),
    })
    this.#clients = Array.from({ length: clients }, () => this.#client())
  }

  /** The next `count` picks. */
  async next(count: number): Promise<string[]> {
    const from = this.picked.length
    await new Promise<void>((resolve) => {
      this.#onPick = () => {
        if (this.picked.length >= from + count) resolve()
      }
    })
    return this.picked.slice(from, from + count)
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#clients)
  }

  async #client(): Promise<void> {
    while (this.#running) {
      const answer = await fetch(this.gateway.url).then(
        async (response) => `${response.status} ${await response.text()}`,
        (error: unknown) => String(error),
      )
      this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
    }
  }
}

/** Instances of these versions, and a gateway to them. */
async function gatewayTo(versions: readonly string[], options: GatewayOptions): Promise<Gateway> {
  const instances = await Promise.all(
    versions.map(async (version, index): Promise<ServiceInstanceInit> => {
      const address = await startInstance((_request, response) => response.end(version))
      const [host = '', port] = address.split(':')
      return { id: `${version}-${index}`, host, port: Number(port), metadata: { version } }
    }),
  )
  const gateway = await startGateway([], options)
  gateway.discovery.set('service', instances)
  return gateway
}

const canaries = (picks: readonly string[]): number => picks.filter((version) => version === 'canary').length

describe('a canary on a running gateway', () => {
  it('goes from 5 over 20 to 100 % and back: no request is lost, each share is met within one cycle', async () => {
    const gateway = await gatewayTo(['stable', 'stable', 'stable', 'canary'], { lb: { balancer } })
    await gateway.lb.ready('service')
    const control = gateway.lb.control('service', { by: 'pipeline' })
    const load = new LoadedGateway(gateway, 8)
    expect(canaries(await load.next(20))).toBe(1)
    for (const [canary, cycle] of [
      [5, 20],
      [20, 5],
      [50, 2],
      [100, 10],
    ] as const) {
      control.setShares({ stable: 100 - canary, canary })
      const picks = await load.next(cycle * 10)
      for (let start = 0; start < picks.length; start += cycle) {
        expect(canaries(picks.slice(start, start + cycle))).toBe((cycle * canary) / 100)
      }
    }
    control.setShares(undefined)
    expect(canaries(await load.next(40))).toBe(2)
    await load.stop()
    const answered = [...load.answers.values()].reduce((sum, count) => sum + count, 0)
    expect([...load.answers.keys()].toSorted()).toEqual(['200 canary', '200 stable'])
    expect(answered).toBe(load.picked.length)
    expect(load.answers.get('200 canary')).toBe(canaries(load.picked))
  })

  it('drains an instance under load: what is in flight ends well, and nothing new arrives', async () => {
    const held: ServerResponse[] = []
    const slow = await startInstance((_request, response) => {
      held.push(response)
    })
    const quick = await startInstance((_request, response) => response.end('quick'))
    const gateway = await startGateway([slow, quick])
    await gateway.lb.ready('service')
    const responses = Array.from({ length: 8 }, () => fetch(gateway.url).then((response) => response.text()))
    await expect.poll(() => held.length).toBe(4)
    gateway.lb.control('service', { by: 'alice' }).drain(slow)
    const after = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(gateway.url)).text()))
    expect(new Set(after)).toEqual(new Set(['quick']))
    expect(held).toHaveLength(4)
    for (const response of held) response.end('slow')
    const ended = await Promise.all(responses)
    expect(ended.toSorted()).toEqual([...Array<string>(4).fill('quick'), ...Array<string>(4).fill('slow')])
  })
})

describe('a drained instance', () => {
  it('loses its sticky sessions to others, and gets the same ones back', async () => {
    const addresses = await Promise.all(
      ['a', 'b', 'c'].map((id) => startInstance((_request, response) => response.end(id))),
    )
    const gateway = await startGateway(addresses, {
      lb: { balancer: 'ring-hash' },
      proxy: { sticky: { header: 'x-user' } },
    })
    const users = Array.from({ length: 30 }, (_, user) => `user ${user}`)
    const owners = (): Promise<string[]> =>
      Promise.all(users.map(async (user) => (await fetch(gateway.url, { headers: { 'x-user': user } })).text()))
    const before = await owners()
    const control = gateway.lb.control('service')
    control.drain(addresses[1] ?? '')
    expect(await owners()).not.toContain('b')
    control.restore(addresses[1] ?? '')
    expect(await owners()).toEqual(before)
  })
})
