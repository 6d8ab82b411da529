import { describe, expect, it } from 'vitest'
import { FollowedService } from './followed-service.ts'

const run = FollowedService.forEachTest()

/** Connections that keep the process alive, without those of the server, which runs in it. */
function connectionsThatCount(): number {
  const all = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')
  return all.length - run.server.connections
}

describe('a process', () => {
  it('is not kept alive by a watch', async () => {
    run.follow()
    await run.watching(1)
    await run.eventually(() => expect([connectionsThatCount(), run.clock.pendingForegroundTimers]).toEqual([0, 0]))
    expect(run.clock.pendingTimers).toBeGreaterThan(0)
  })

  it.each([
    ['lists', 1],
    ['watches', 2],
  ] as const)('is not kept alive while %s are not answered, nor by the pause after that', async (what, requests) => {
    run.server.holds = what
    run.follow()
    await run.eventually(() => expect(run.server.requests).toHaveLength(requests))
    await run.clock.advance(100)
    expect([run.clock.pendingForegroundTimers, run.clock.pendingTimers]).toEqual([0, 1])
    await run.clock.advance(10_000)
    await run.eventually(() => expect(run.notes.errors).toHaveLength(1))
    expect([run.clock.pendingForegroundTimers, run.clock.pendingTimers]).toEqual([0, 1])
  })

  it('is kept alive while somebody waits for a list', async () => {
    run.follow()
    await run.watching(1)
    run.server.holds = 'lists'
    const list = run.discovery?.getInstances('orders')
    const rejected = expect(list).rejects.toThrow('no answer within 10000 ms')
    await run.eventually(() => expect(run.server.requests).toHaveLength(3))
    expect(run.clock.pendingForegroundTimers).toBe(1)
    await run.clock.advance(10_000)
    await rejected
  })
})
