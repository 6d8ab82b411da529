import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConsulDiscovery } from '../src/index.ts'
import { discoveryOn, entries, LoopbackAgent } from './loopback-agent.ts'

let agent: LoopbackAgent
let clock: FakeClock
let discovery: ConsulDiscovery

beforeEach(async () => {
  agent = await LoopbackAgent.start()
  clock = new FakeClock()
  discovery = discoveryOn(agent, { clock })
})

afterEach(async () => {
  await discovery.close()
  await agent.close()
})

const closedError = { code: 'LB_CLOSED', service: 'web', message: 'web: the discovery was closed' }

const asked = (count: number): Promise<void> => vi.waitFor(() => expect(agent.questions).toHaveLength(count))

describe('after close', () => {
  it('nothing is left of questions on the way, which reject, and the last word of a watch is that it is closed', async () => {
    const notes = new Notes()
    const subscription = discovery.watch('web', notes)
    const rejected = expect(discovery.getInstances('web')).rejects.toMatchObject(closedError)
    await asked(2)
    await discovery.close()
    await discovery.close()
    await rejected
    await vi.waitFor(() => expect(agent.openConnections).toBe(0))
    expect(clock.pendingTimers).toBe(0)
    agent.answer({ index: 1, body: entries(1) })
    await clock.advance(60_000)
    expect([notes.calls, agent.questions.length]).toEqual([1, 2])
    expect(notes.errors).toMatchObject([closedError])
    subscription.close()
  })

  it.each<[string, () => Promise<void>]>([
    [
      'between two blocking queries of a busy service',
      async () => {
        let index = 0
        agent.onQuestion = () => ({ index: ++index, body: entries(index) })
        await asked(3)
      },
    ],
    [
      'after a failure',
      async () => {
        agent.onQuestion = () => ({ status: 500 })
        await asked(1)
      },
    ],
  ])('no timer is left of a watch that waits: %s', async (_, wait) => {
    discovery.watch('web', new Notes())
    await wait()
    // The timer of the wait is there, and that of the answer is gone.
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    expect(clock.pendingForegroundTimers).toBe(0)
    await discovery.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('of a subscription its query is gone, and the others go on', async () => {
    const [closed, living] = [new Notes(), new Notes()]
    const subscription = discovery.watch('web', closed)
    discovery.watch('web', living)
    await asked(2)
    subscription.close()
    await vi.waitFor(() => expect(agent.openConnections).toBe(1))
    for (const { response } of agent.questions) response.end('[]')
    await vi.waitFor(() => expect(living.lists).toEqual([[]]))
    expect(closed.calls).toBe(0)
  })
})
