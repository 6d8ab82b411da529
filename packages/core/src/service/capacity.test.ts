import { FakeClock, instance, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { CallScope } from '../call/scope.ts'
import type { ServiceOptions } from '../config/service-options.ts'
import { serviceSettings } from '../config/service-settings.ts'
import { StaticDiscovery } from '../discovery/static-discovery.ts'
import { EventChannel } from '../observe/event-channel.ts'
import { Capacity } from './capacity.ts'
import { InstanceRecord } from './record.ts'

interface Parts {
  readonly capacity: Capacity
  readonly clock: FakeClock
  readonly records: Map<string, InstanceRecord>
  readonly waiting: Set<CallScope>
  readonly admit: () => void
  readonly settled: { times: number; how: () => void }
  /** Waits for room; notes who is let in. */
  readonly enter: (name: string, timeoutMs?: number) => CallScope
  readonly notes: string[]
}

function parts(options: ServiceOptions, count = 2): Parts {
  const clock = new FakeClock()
  const records = new Map<string, InstanceRecord>()
  for (let index = 0; index < count; index++) {
    const record = new InstanceRecord(instance(`i${index}`), clock.now())
    record.isCandidate = true
    records.set(`i${index}`, record)
  }
  const waiting = new Set<CallScope>()
  const settled = { times: 0, how: (): void => {} }
  const capacity = new Capacity({
    service: 'users',
    settings: serviceSettings({ ...options, discovery: new StaticDiscovery({}) }, 'users', () => undefined),
    clock,
    events: new EventChannel(),
    records,
    random: () => 0.5,
    waiting,
  })
  const picker = {
    settle: () => {
      settled.times++
      settled.how()
    },
  }
  const notes: string[] = []
  const enter = (name: string, timeoutMs = Number.POSITIVE_INFINITY): CallScope => {
    const scope = new CallScope({ clock, service: 'users', signal: undefined, timeoutMs })
    const take = (): string => {
      capacity.inFlight++
      return name
    }
    capacity.waitForRoom(scope, take).then(
      (taken) => notes.push(`${taken} in`),
      (error: { code?: string }) => notes.push(`${name} ${error.code}`),
    )
    return scope
  }
  return { capacity, admit: () => capacity.admit(picker), clock, records, waiting, settled, enter, notes }
}

describe('Capacity', () => {
  it('has room without end by default, and no queue', () => {
    const { capacity } = parts({})
    capacity.inFlight = 1_000_000
    expect([capacity.hasRoom, capacity.queued, capacity.isFull('i0')]).toEqual([true, 0, false])
    expect(capacity.fullInstances().size).toBe(0)
  })

  it('has room below maxInFlight, and none for newcomers while somebody waits', async () => {
    const { capacity, enter } = parts({ maxInFlight: 2 })
    expect(capacity.hasRoom).toBe(true)
    capacity.inFlight = 2
    expect(capacity.hasRoom).toBe(false)
    const scope = enter('a')
    capacity.inFlight = 1
    expect([capacity.hasRoom, capacity.queued]).toEqual([false, 1])
    scope.interrupt('gone')
    expect([capacity.hasRoom, capacity.queued]).toEqual([true, 0])
    await settlePromises()
  })

  it('knows which instances are full', () => {
    const { capacity, records } = parts({ maxInFlightPerInstance: 2 })
    const [first] = records.values()
    if (first !== undefined) first.inFlight = 2
    expect([capacity.isFull('i0'), capacity.isFull('i1'), capacity.isFull('unknown')]).toEqual([true, false, false])
    expect([...capacity.fullInstances()]).toEqual(['i0'])
  })

  it('lets in as many as there is room for, in order', async () => {
    const { capacity, admit, enter, notes, waiting } = parts({ maxInFlight: 2 })
    capacity.inFlight = 2
    for (const name of ['a', 'b', 'c']) enter(name)
    expect(waiting.size).toBe(3)
    capacity.inFlight = 0
    admit()
    await settlePromises()
    expect([notes, capacity.inFlight, capacity.queued, waiting.size]).toEqual([['a in', 'b in'], 2, 1, 1])
  })

  it('looks at the instances as they are now before it lets anybody in', async () => {
    const { capacity, admit, enter, notes, records, settled } = parts({ maxInFlightPerInstance: 1 })
    for (const record of records.values()) record.inFlight = 1
    const back = records.get('i1') as InstanceRecord
    back.isCandidate = false
    enter('a')
    back.inFlight = 0
    admit()
    expect([settled.times, capacity.queued]).toEqual([1, 1])
    settled.how = () => {
      back.isCandidate = true
    }
    admit()
    await settlePromises()
    expect(notes).toEqual(['a in'])
  })

  it('asks nothing while nobody waits', () => {
    const { admit, settled } = parts({ maxInFlight: 1 })
    admit()
    expect(settled.times).toBe(0)
  })

  it('refuses by the queue, not the call by its deadline', async () => {
    const { capacity, clock, enter, notes } = parts({ maxInFlight: 1, queue: { maxSize: 2, maxWaitMs: 100 } })
    capacity.inFlight = 1
    enter('deadline', 100)
    enter('queue')
    enter('full')
    await clock.advance(100)
    expect(notes.sort()).toEqual(['deadline LB_DEADLINE_EXCEEDED', 'full LB_OVERLOADED', 'queue LB_OVERLOADED'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('hands on what goes wrong when somebody is let in, and goes on with the next', async () => {
    const { capacity, admit, clock, enter, notes } = parts({ maxInFlight: 1 })
    capacity.inFlight = 1
    const scope = new CallScope({ clock, service: 'users', signal: undefined, timeoutMs: Number.POSITIVE_INFINITY })
    const failing = capacity.waitForRoom(scope, () => {
      throw new Error('take')
    })
    const failed = expect(failing).rejects.toThrow('take')
    enter('next')
    capacity.inFlight = 0
    admit()
    await failed
    await settlePromises()
    expect(notes).toEqual(['next in'])
  })
})
