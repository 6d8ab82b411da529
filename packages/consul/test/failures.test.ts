import { DiscoveryError, parseInstance } from '@lb/core'
import { FakeClock, Notes, seededRandom } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConsulDiscovery } from '../src/index.ts'
import { type Answer, discoveryOn, entries, LoopbackAgent } from './loopback-agent.ts'

const token = 's3cret-t0ken'

let agent: LoopbackAgent
let clock: FakeClock
let discovery: ConsulDiscovery

beforeEach(async () => {
  agent = await LoopbackAgent.start()
  clock = new FakeClock()
  discovery = discoveryOn(agent, { clock, token, random: seededRandom(1) })
})

afterEach(async () => {
  await discovery.close()
  await agent.close()
})

const tooMany = 'Your IP is issuing too many concurrent connections, please rate limit your calls'

const failures: [string, Answer, string | RegExp][] = [
  ['too many connections', { status: 429, body: tooMany }, tooMany],
  ['no leader', { status: 500, index: 99, body: 'No cluster leader' }, 'answered 500'],
  ['a token that is not known', { status: 403, body: 'ACL not found' }, 'ACL not found'],
  ['a parameter that is none', { status: 400, body: 'Invalid index' }, 'answered 400'],
  ['a server that cannot serve', { status: 503, body: '' }, '503'],
  ['a redirect', { status: 301, headers: { location: 'http://example.test/' } }, '301'],
  ['no content', { status: 204, body: '' }, '204'],
  ['no JSON', { index: 9, body: '<html>' }, 'not JSON'],
  ['half of a list', { index: 9, body: JSON.stringify(entries(1, 2)).slice(0, -9) }, 'not JSON'],
  ['an object', { index: 9, body: { message: 'ok' } }, 'no list'],
  ['null', { index: 9, body: 'null' }, 'no list'],
  [
    'an empty list that the token made empty',
    { index: 9, headers: { 'x-consul-results-filtered-by-acls': 'true' } },
    'the token may not see its instances',
  ],
  [
    'an empty list of a server without a leader',
    { index: 9, headers: { 'x-consul-knownleader': 'false' } },
    'no leader',
  ],
  ['an echo of the token', { status: 500, body: `rejected x-consul-token: ${token}` }, 'rejected x-consul-token: …'],
]

describe.each(failures)('%s', (_, failure, message) => {
  it('is a failure that keeps the list, and the watch goes on without an index', async () => {
    const notes = new Notes()
    agent.script({ index: 12, body: entries(1) }, failure, { index: 13, body: entries(1, 2) })
    discovery.watch('web', notes)
    await vi.waitFor(() => expect(notes.errors).toHaveLength(1))
    await clock.advance(500)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(2))
    expect(agent.indexes.slice(0, 3)).toEqual([undefined, '12', undefined])
    expect(notes.lists.map((list) => list.map((init) => parseInstance(init).port))).toEqual([[1], [1, 2]])
    expect(notes.errors[0]).toBeInstanceOf(DiscoveryError)
    expect(String(notes.errors[0])).toMatch(message)
    expect(JSON.stringify([notes.errors[0], String(notes.errors[0])])).not.toContain(token)
  })

  it('is a failure of the question for a list', async () => {
    agent.script(failure)
    await expect(discovery.getInstances('web')).rejects.toBeInstanceOf(DiscoveryError)
  })
})

describe('a list that a token or a missing leader did not make empty', () => {
  it.each(['x-consul-results-filtered-by-acls', 'x-consul-knownleader'])('is told with %s', async (name) => {
    const value = name.endsWith('acls') ? 'true' : 'false'
    agent.script({ index: 1, headers: { [name]: value }, body: entries(1) })
    expect(await discovery.getInstances('web')).toHaveLength(1)
  })
})

describe('failures in a row', () => {
  it('are told each, further and further apart, up to 30 s', async () => {
    const notes = new Notes()
    discovery = discoveryOn(agent, { clock, random: () => 0.999_999 })
    agent.onQuestion = () => ({ status: 500, body: 'No cluster leader' })
    discovery.watch('web', notes)
    let count = 0
    for (const limitMs of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      count++
      await vi.waitFor(() => expect(notes.errors).toHaveLength(count))
      // Chance is all but 1 here, so the whole of the limit is waited.
      await clock.advance(limitMs - 1)
      expect([clock.pendingTimers, agent.questions.length]).toEqual([1, count])
      await clock.advance(1)
    }
    expect(notes.lists).toEqual([])
  })

  it('wait for as long as the agent asks', async () => {
    const notes = new Notes()
    agent.script({ status: 429, headers: { 'retry-after': '20' }, body: 'slow down' }, { index: 1, body: entries(1) })
    discovery.watch('web', notes)
    await vi.waitFor(() => expect(notes.errors).toHaveLength(1))
    await clock.advance(19_999)
    expect(agent.questions).toHaveLength(1)
    await clock.advance(10_001)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
  })
})

describe('a token', () => {
  it('that cannot be had is a failure, and nobody is asked', async () => {
    const notes = new Notes()
    let sealed = true
    discovery = discoveryOn(agent, {
      clock,
      token: () => {
        if (sealed) throw new Error('vault is sealed')
        return token
      },
    })
    discovery.watch('web', notes)
    await vi.waitFor(() => expect(notes.errors).toHaveLength(1))
    expect(String(notes.errors[0])).toContain('vault is sealed')
    expect(agent.questions).toEqual([])
    sealed = false
    agent.script({ index: 1, body: entries(1) })
    await clock.advance(500)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(1))
  })

  it('that never comes is a failure', async () => {
    discovery = discoveryOn(agent, { clock, token: () => new Promise(() => {}) })
    const rejected = expect(discovery.getInstances('web')).rejects.toThrow('no token within 5000 ms')
    await clock.advance(5_000)
    await rejected
    expect(clock.pendingTimers).toBe(0)
  })
})
