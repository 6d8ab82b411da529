import type { ServiceInstance, ServiceInstanceInit } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { instances } from '../instances.ts'
import { randomTree } from './random-tree.ts'
import { SimulatedRegistry } from './simulated-registry.ts'
import { SimulationClock } from './simulation-clock.ts'

const [one = [], two = []]: ServiceInstance[][] = [instances(1), instances(2)]

type News = readonly ServiceInstanceInit[] | 'error'

function setUp(lagMs = 10): { clock: SimulationClock; registry: SimulatedRegistry; watch: () => [News[], () => void] } {
  const clock = new SimulationClock(0)
  const registry = new SimulatedRegistry(clock, lagMs)
  registry.set(one)
  const watch = (): [News[], () => void] => {
    const news: News[] = []
    const subscription = registry.discovery(randomTree(1)('client')).watch?.('s', {
      next: (list) => news.push(list),
      error: () => news.push('error'),
    })
    return [news, () => subscription?.close()]
  }
  return { clock, registry, watch }
}

describe('SimulatedRegistry', () => {
  it('tells each watcher what it knows, and every change, after a lag', async () => {
    const { clock, registry, watch } = setUp()
    const [news] = watch()
    await clock.runUntil(9)
    expect(news).toEqual([])
    await clock.runUntil(10)
    registry.set(two)
    await clock.runUntil(20)
    expect(news).toEqual([one, two])
  })

  it('tells once of changes that follow each other within the lag', async () => {
    const { clock, registry, watch } = setUp()
    const [news] = watch()
    for (const count of [3, 4, 2]) registry.set(instances(count))
    await clock.runUntil(100)
    expect(news).toEqual([two])
  })

  it('never tells an older list after a newer one, however the lag varies', async () => {
    const { clock, registry, watch } = setUp()
    registry.lag = { kind: 'uniform', minMs: 0, maxMs: 1_000 }
    const [news] = watch()
    for (let count = 1; count <= 50; count++) {
      clock.setTimeout(() => registry.set(instances(count)), 20 * count)
    }
    await clock.runUntil(5_000)
    const sizes = news.map((list) => list.length)
    expect(sizes).toEqual(sizes.toSorted((left, right) => left - right))
    expect(sizes.at(-1)).toBe(50)
  })

  it('tells of its failure, and what it knows when it is back', async () => {
    const { clock, registry, watch } = setUp()
    const [news] = watch()
    await clock.runUntil(100)
    registry.turn('failing')
    registry.set(two)
    await clock.runUntil(200)
    const answer = registry.discovery(randomTree(1)('asks')).getInstances('s')
    const failed = expect(answer).rejects.toThrow('fails')
    await clock.runUntil(300)
    await failed
    registry.turn('answering')
    await clock.runUntil(400)
    expect(news).toEqual([one, 'error', two])
  })

  it('says nothing while it is away', async () => {
    const { clock, registry, watch } = setUp()
    registry.turn('away')
    const [news] = watch()
    registry.set(two)
    let answered = false
    void registry
      .discovery(randomTree(1)('asks'))
      .getInstances('s')
      .then(() => {
        answered = true
      })
    await clock.runUntil(1_000)
    expect([news, answered]).toEqual([[], false])
    registry.turn('answering')
    await clock.runUntil(2_000)
    expect(news).toEqual([two])
  })

  it('claims once that there is no instance, and gives the truth when it is asked', async () => {
    const { clock, registry, watch } = setUp()
    const [news] = watch()
    await clock.runUntil(100)
    registry.claimEmptyOnce()
    await clock.runUntil(200)
    expect(news).toEqual([one, []])
    const answer = registry.discovery(randomTree(1)('asks')).getInstances('s')
    await clock.runUntil(300)
    expect(await answer).toEqual(one)
  })

  it('leaves no timer behind and tells nothing after the end of a watch or a question', async () => {
    const { clock, registry, watch } = setUp()
    const [news, close] = watch()
    close()
    const question = new AbortController()
    void registry.discovery(randomTree(1)('asks')).getInstances('s', { signal: question.signal })
    question.abort()
    expect(clock.pendingTimers).toBe(0)
    registry.set(two)
    await clock.runUntil(100)
    expect(news).toEqual([])
  })
})
