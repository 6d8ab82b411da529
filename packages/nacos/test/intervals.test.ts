import { FakeClock, Notes } from '@lb/testing'
import { FakeNacos } from 'test-servers'
import { afterEach, expect, it, vi } from 'vitest'
import { NacosDiscovery } from '../src/index.ts'

let fake: FakeNacos
let discovery: NacosDiscovery
afterEach(async () => {
  await discovery.close()
  await fake.stop()
})

it.each([
  ['as long as the answer says', { version: '2.5', cacheMillis: 4_000 }, {}, 4_000],
  [
    'as long as the answer says, whatever the options do',
    { version: '2.5', cacheMillis: 4_000 },
    { pollIntervalMs: 7_000 },
    4_000,
  ],
  ['at least a second', { version: '2.5', cacheMillis: 10 }, {}, 1_000],
  ['at most a minute', { version: '2.5', cacheMillis: 3_600_000 }, {}, 60_000],
  ['ten seconds where the answer does not say', { version: '2.5', cacheMillis: 0 }, {}, 10_000],
  ['ten seconds with version 3', { version: '3.2', cacheMillis: 4_000 }, {}, 10_000],
  ['as long as the options say with version 3', { version: '3.2' }, { pollIntervalMs: 2_500 }, 2_500],
] as const)('a list is used for %s, up to a fifth less by jitter', async (_case, server, options, intervalMs) => {
  for (const chance of [0, 0.5, 1]) {
    fake = await FakeNacos.start(server)
    const clock = new FakeClock()
    discovery = new NacosDiscovery({ servers: [fake.url], clock, random: () => chance, ...options })
    const notes = new Notes()
    discovery.watch('web', notes)
    const expectedMs = intervalMs * (1 - 0.2 * chance)
    for (let count = 1; count < 4; count++) {
      await vi.waitFor(() => expect(notes.lists).toHaveLength(count))
      const requests = fake.requests.length
      await clock.advance(expectedMs - 1)
      expect(fake.requests).toHaveLength(requests)
      await clock.advance(1)
    }
    await vi.waitFor(() => expect(notes.lists).toHaveLength(4))
    await discovery.close()
    await fake.stop()
  }
})

it('a list that did not change is told all the same, so that an empty one can be confirmed', async () => {
  fake = await FakeNacos.start({ version: '3.2' })
  const clock = new FakeClock()
  discovery = new NacosDiscovery({ servers: [fake.url], clock })
  const notes = new Notes()
  discovery.watch('web', notes)
  for (let count = 1; count < 4; count++) {
    await vi.waitFor(() => expect(notes.lists).toHaveLength(count))
    await clock.advance(10_000)
  }
  expect(notes.lists.every((list) => list.length === 0)).toBe(true)
})

it('questions for one service never overlap, however long an answer takes', async () => {
  fake = await FakeNacos.start({ version: '3.2' })
  const clock = new FakeClock()
  discovery = new NacosDiscovery({ servers: [fake.url], clock, random: () => 0, timeoutMs: 3_000, pollIntervalMs: 100 })
  const notes = new Notes()
  discovery.watch('web', notes)
  await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
  const before = fake.requests.length
  fake.hold()
  await clock.advance(100)
  await vi.waitFor(() => expect(fake.requests).toHaveLength(before + 1))
  await clock.advance(2_999)
  expect(fake.requests).toHaveLength(before + 1)
  expect(notes.errors).toEqual([])
  await clock.advance(1)
  await vi.waitFor(() => expect(notes.errors[0]?.message).toContain('no answer within 3000 ms'))
  expect(notes.lists).toHaveLength(1)
})
