import { DiscoveryError } from '@lb/core'
import { Notes } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { at, FollowedService } from './followed-service.ts'

const closedError = { code: 'LB_CLOSED', service: 'orders', message: 'orders: the discovery was closed' }

const run = FollowedService.forEachTest()

describe('after close', () => {
  it.each<[string, { behave: () => void; requests: number; calls: number }]>([
    ['a watch', { behave: () => {}, requests: 2, calls: 1 }],
    ['a list', { behave: holdLists, requests: 1, calls: 0 }],
    ['a pause', { behave: failAll, requests: 1, calls: 1 }],
  ])(
    'nothing is left of %s, and the last word of the watch is that it is closed',
    async (_, { behave, requests, calls }) => {
      behave()
      run.follow()
      await run.eventually(() => expect([run.server.requests.length, run.notes.calls]).toEqual([requests, calls]))
      await run.discovery?.close()
      await run.discovery?.close()
      await run.eventually(() => expect([run.server.connections, run.clock.pendingTimers]).toEqual([0, 0]))
      await run.clock.advance(600_000)
      expect([run.notes.calls, run.server.requests.length]).toEqual([calls + 1, requests])
      expect(run.notes.errors.at(-1)).toMatchObject(closedError)
    },
  )

  it('of a subscription its connection is gone, and the others go on', async () => {
    run.follow()
    const closed = new Notes()
    const subscription = run.discovery?.watch('orders', closed)
    await run.watching(2)
    await run.eventually(() => expect(closed.lists).toHaveLength(1))
    subscription?.close()
    subscription?.close()
    await run.eventually(() => expect(run.server.watches.filter(({ isOpen }) => isOpen)).toHaveLength(1))
    const living = run.server.watches.find(({ isOpen }) => isOpen)
    living?.send('ADDED', at('11', 'b', '10.0.0.2'))
    await run.told('10.0.0.2')
    expect(closed.calls).toBe(1)
  })

  it('by its observer, while that gets a list, nothing follows but the last word', async () => {
    run.server.slices = [at('7', 'a', '10.0.0.1')]
    run.follow()
    await run.watching(1)
    await run.clock.advance(100)
    run.notes.onCall = () => void run.discovery?.close()
    for (const version of ['11', '12', '13']) run.server.watch.send('MODIFIED', at(version, 'a', `10.0.0.${version}`))
    await run.eventuallyAdvancing(() => expect(run.server.connections).toBe(0))
    await run.clock.advance(1_000)
    expect([run.notes.calls, run.clock.pendingTimers]).toEqual([3, 0])
  })
})

it('a name that names no Service is a failure, and nobody is asked', async () => {
  run.follow()
  await run.watching(1)
  const notes = new Notes()
  run.discovery?.watch('No Such', notes)
  await run.eventually(() => expect(notes.errors).toMatchObject([expect.any(DiscoveryError)]))
  await expect(run.discovery?.getInstances('a/../b')).rejects.toThrow('names no Service')
  expect(run.server.requests).toHaveLength(2)
})

function holdLists(): void {
  run.server.holds = 'lists'
}

function failAll(): void {
  run.server.answer = () => ({ status: 500 })
}
