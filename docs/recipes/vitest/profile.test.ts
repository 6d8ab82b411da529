import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeClock, LoopbackBackend } from '@lb/testing'
import { createFetch } from '@lb/undici'
import { expect, it } from 'vitest'

it('reads the profile from the other instance when one fails', async () => {
  await using first = await LoopbackBackend.start({ script: { status: 503 } })
  await using second = await LoopbackBackend.start({ script: { body: 'Ada' } })
  const discovery = new StaticDiscovery({ 'user-service': [first.address, second.address] })
  await using lb = new LoadBalancer({ discovery, random: () => 0 }) // begins with the first
  await using fetch = createFetch(lb)

  expect(await (await fetch('http://user-service/v1/profile')).text()).toBe('Ada')
  expect([first.requests.length, second.requests.length]).toEqual([1, 1])
})

it('gives up after two seconds, at once', async () => {
  const clock = new FakeClock() // instead of vi.useFakeTimers, which would also hold the sockets of Node
  await using lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] }), clock })

  const call = lb.execute('user-service', () => new Promise<never>(() => {}), { timeoutMs: 2_000 })
  const failed = expect(call).rejects.toMatchObject({ code: 'LB_DEADLINE_EXCEEDED' })
  await clock.advance(2_000)
  await failed
})
