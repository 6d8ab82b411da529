import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConsulDiscovery } from '../src/index.ts'
import { discoveryOn, LoopbackAgent } from './loopback-agent.ts'

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

/** Connections that keep the process alive, without those of the agent, which runs in it. */
function connectionsThatCount(): number {
  const all = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')
  return all.length - agent.openConnections
}

describe('a process', () => {
  it('is not kept alive by a watch, even while its query is on the way', async () => {
    agent.script({ index: 1 })
    discovery.watch('web', new Notes())
    await vi.waitFor(() => expect(agent.questions).toHaveLength(2))
    await vi.waitFor(() => expect([connectionsThatCount(), clock.pendingForegroundTimers]).toEqual([0, 0]))
    expect(clock.pendingTimers).toBeGreaterThan(0)
  })

  it('is kept alive while somebody waits for a list', async () => {
    const list = discovery.getInstances('web')
    await vi.waitFor(() => expect(agent.questions).toHaveLength(1))
    expect(clock.pendingForegroundTimers).toBe(1)
    agent.answer({ index: 1 })
    await list
    expect(clock.pendingTimers).toBe(0)
  })
})
