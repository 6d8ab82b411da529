import { FakeClock, Notes } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { DiscoveryError, InvalidInstanceError } from '../base/errors.ts'
import { type DefinedDiscovery, type DiscoveryDefinition, defineDiscovery, type Question } from './define-discovery.ts'
import type { PollResult } from './poll.ts'
import type { WatchSession } from './watch-sessions.ts'

interface Asked extends Question {
  readonly service: string
  readonly answer: (result: PollResult) => void
  readonly fail: (cause: unknown) => void
}

interface Defined {
  readonly clock: FakeClock
  readonly discovery: DefinedDiscovery
  readonly asked: Asked[]
  readonly sessions: WatchSession[]
  /** How often the client of the registry was closed. */
  readonly closed: () => number
}

/** A discovery on a registry that answers when the test says so. */
function defined({ pushes = false, ...options }: Partial<DiscoveryDefinition> & { pushes?: boolean } = {}): Defined {
  const clock = new FakeClock(0)
  const asked: Asked[] = []
  const sessions: WatchSession[] = []
  let closed = 0
  const discovery = defineDiscovery({
    service: (service) => ({
      ask: (question) =>
        new Promise((answer, fail) => {
          asked.push({ ...question, service, answer, fail })
        }),
      ...(pushes && {
        session: (session: WatchSession) => {
          sessions.push(session)
          return new Promise<void>(() => {})
        },
      }),
    }),
    close: () => {
      closed++
    },
    clock,
    random: () => 0,
    ...options,
  })
  return { clock, discovery, asked, sessions, closed: () => closed }
}

const first = ([asked]: readonly Asked[]): Asked => asked as Asked
const badKey = new InvalidInstanceError('value', 'key b: not JSON')

describe('a question', () => {
  it('is asked for its service, in the foreground, and gives the instances that can be used', async () => {
    const { discovery, asked } = defined()
    const answer = discovery.getInstances('users')
    expect(first(asked)).toMatchObject({ service: 'users', background: false })
    first(asked).answer({ instances: ['a:1'], rejected: [badKey] })
    expect(await answer).toEqual(['a:1'])
  })

  it('rejects when nothing of the list can be used, which is no empty list', async () => {
    const { discovery, asked } = defined()
    const answer = discovery.getInstances('users')
    first(asked).answer({ instances: [], rejected: [badKey] })
    await expect(answer).rejects.toMatchObject({
      code: 'LB_DISCOVERY',
      service: 'users',
      message: 'users: no instance is usable. key b: not JSON',
    })
  })

  it('rejects with an error that names the service, once', async () => {
    const { discovery, asked } = defined()
    const [plain, named] = [discovery.getInstances('users'), discovery.getInstances('users')]
    const cause = new Error('down')
    first(asked).fail(cause)
    await expect(plain).rejects.toMatchObject({ code: 'LB_DISCOVERY', message: 'users: down', service: 'users', cause })
    const known = new DiscoveryError('users: gone', { service: 'users' })
    asked[1]?.fail(known)
    await expect(named).rejects.toBe(known)
  })

  it('ends with the signal of the caller, and with the limit', async () => {
    const { discovery, asked, clock } = defined({ askLimitMs: 1_000 })
    const controller = new AbortController()
    const given = discovery.getInstances('users', { signal: controller.signal })
    const late = expect(discovery.getInstances('users')).rejects.toMatchObject({
      message: 'users: no answer within 1000 ms',
    })
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(given).rejects.toBe(reason)
    await expect(discovery.getInstances('users', { signal: controller.signal })).rejects.toBe(reason)
    await clock.advance(1_000)
    await late
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, true])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a watch', () => {
  it('of a registry that cannot push asks again and again, in the background', async () => {
    const { discovery, asked, clock } = defined({ poll: { intervalMs: 5_000 } })
    const notes = new Notes()
    discovery.watch('users', notes)
    expect(first(asked).background).toBe(true)
    first(asked).answer({ instances: ['a:1'], rejected: [badKey] })
    await clock.advance(5_000)
    expect([notes.latest, notes.rejected, asked.length]).toEqual([['a:1'], [[badKey]], 2])
    asked[1]?.fail(new Error('down'))
    await clock.advance(0)
    expect(notes.messages).toEqual(['users: down'])
    expect(clock.pendingForegroundTimers).toBe(0)
  })

  it('of one that can runs sessions, whose errors name the service', () => {
    const { discovery, asked, sessions } = defined({ pushes: true })
    const notes = new Notes()
    discovery.watch('users', notes)
    sessions[0]?.next(['a:1'], [badKey])
    sessions[0]?.error(new Error('hiccup'))
    expect([notes.latest, notes.rejected, notes.messages]).toEqual([['a:1'], [[badKey]], ['users: hiccup']])
    expect(asked).toEqual([])
  })

  it('emits once that a name cannot be one of a service, and leaves nothing', async () => {
    const service = (): never => {
      throw new DiscoveryError('such a name is not possible')
    }
    const { discovery, clock } = defined({ service })
    const notes = new Notes()
    discovery.watch('', notes).close()
    await clock.advance(60_000)
    expect([notes.messages, clock.pendingTimers]).toEqual([[': such a name is not possible'], 0])
    await expect(discovery.getInstances('')).rejects.toThrow('such a name is not possible')
  })
})

describe.each([false, true])('after close, of a registry that pushes: %s,', (pushes) => {
  it('everything has ended with LB_CLOSED, also what is under way, and nothing comes later', async () => {
    const { discovery, asked, sessions, clock, closed } = defined({ pushes })
    const notes = new Notes()
    discovery.watch('users', notes)
    const answer = discovery.getInstances('users')
    await Promise.all([discovery.close(), discovery.close()])
    const closedError = { code: 'LB_CLOSED', service: 'users', message: 'users: the discovery was closed' }
    await expect(answer).rejects.toMatchObject(closedError)
    await expect(discovery.getInstances('users')).rejects.toMatchObject(closedError)
    for (const { answer: late, signal } of asked) {
      expect(signal.aborted).toBe(true)
      late(['late:1'])
    }
    sessions[0]?.next(['late:1'])
    discovery.watch('users', notes)
    await clock.advance(60_000)
    expect([notes.lists, notes.errors]).toMatchObject([[], [closedError, closedError]])
    expect([clock.pendingTimers, closed()]).toEqual([0, 1])
  })
})

it('is refused when its parts cannot be used', () => {
  expect(() => defineDiscovery({} as never)).toThrow('defineDiscovery.service must be')
  expect(() => defineDiscovery({ service: () => ({ ask: async () => [] }), askLimitMs: 0 })).toThrow('askLimitMs')
})
