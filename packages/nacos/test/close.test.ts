import { FakeClock, Notes } from '@lb/testing'
import { FakeNacos } from 'test-servers'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { NacosDiscovery } from '../src/index.ts'

const closedError = { code: 'LB_CLOSED', service: 'web', message: 'web: the discovery was closed' }

let fake: FakeNacos
let clock: FakeClock
let discovery: NacosDiscovery
beforeEach(async () => {
  fake = await FakeNacos.start({ version: '2.5', auth: { username: 'lb', password: 'secret' } })
  fake.set('web', [{ ip: '10.0.0.1', port: 1 }])
  clock = new FakeClock()
  const user = { username: 'lb', password: 'secret' }
  discovery = new NacosDiscovery({ servers: [fake.url], udpPush: { host: '127.0.0.1' }, clock, ...user })
})
afterEach(async () => {
  await discovery.close()
  await fake.stop()
})

it('ends watches, timers and connections', async () => {
  const all = [new Notes(), new Notes()]
  for (const notes of all) discovery.watch('web', notes)
  await vi.waitFor(() => expect(all.map(({ lists }) => lists.length)).toEqual([1, 1]))
  const closed = discovery.close()
  expect(discovery.close()).toBe(closed)
  await closed
  expect(clock.pendingTimers).toBe(0)
  await vi.waitFor(() => expect(fake.connections).toBe(0))
  const requests = fake.requests.length
  await clock.advance(600_000)
  expect(fake.requests).toHaveLength(requests)
  expect(all.map(({ lists, errors }) => lists.length + errors.length)).toEqual([2, 2])
  for (const { errors } of all) expect(errors).toMatchObject([closedError])
})

it('ends what is under way: questions reject, and the last word of a watch is that it is closed', async () => {
  const notes = new Notes()
  await discovery.getInstances('web')
  let release = (): void => {}
  const asked = new Promise<void>((resolve) => {
    release = resolve
  })
  fake.intercept = () => {
    release()
    return undefined
  }
  const asking = discovery.getInstances('web')
  discovery.watch('web', notes)
  await asked
  await Promise.all([expect(asking).rejects.toMatchObject(closedError), discovery.close()])
  expect([notes.lists, notes.errors]).toMatchObject([[], [closedError]])
  expect(clock.pendingTimers).toBe(0)
})

it('is final: later calls are refused', async () => {
  await discovery.close()
  await expect(discovery.getInstances('web')).rejects.toMatchObject(closedError)
  const notes = new Notes()
  discovery.watch('web', notes).close()
  expect(notes.errors).toMatchObject([closedError])
})

it('of a subscription ends its timers, and not those of another one', async () => {
  const [left, right] = [new Notes(), new Notes()]
  const subscription = discovery.watch('web', left)
  discovery.watch('web', right)
  await vi.waitFor(() => expect(left.lists.length + right.lists.length).toBe(2))
  subscription.close()
  subscription.close()
  await clock.advance(10_000)
  await vi.waitFor(() => expect(right.lists).toHaveLength(2))
  expect(left.lists).toHaveLength(1)
})

it('by signal ends a question with its reason', async () => {
  const reason = new Error('no longer wanted')
  await expect(discovery.getInstances('web', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const controller = new AbortController()
  fake.intercept = () => {
    controller.abort(reason)
    return undefined
  }
  await expect(discovery.getInstances('web', { signal: controller.signal })).rejects.toBe(reason)
})
