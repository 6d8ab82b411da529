import { describe, expect, it } from 'vitest'
import { EventChannel } from './event-channel.ts'
import type { EventFields, LoadBalancerEvent } from './events.ts'

const held: EventFields = { type: 'empty-list-held', service: 'users' }

describe('EventChannel', () => {
  it('emits its end to a listener that comes later, and keeps no listener', () => {
    const events = new EventChannel()
    events.end({ type: 'closed' })
    const received: string[] = []
    events.subscribe(({ type }) => received.push(type))
    events.subscribe(({ type }) => received.push(type), ['empty-list-held'])
    events.subscribe(() => {
      throw new Error('listener')
    })
    events.emit(held)
    expect([received, events.active]).toEqual([['closed'], false])
  })

  it('tells every listener every event, in the order of subscription', () => {
    const events = new EventChannel()
    const told: string[] = []
    events.subscribe(({ type }) => told.push(`first ${type}`))
    events.subscribe(({ type }) => told.push(`second ${type}`))
    events.emit(held)
    events.emit({ type: 'closed' })
    expect(told).toEqual(['first empty-list-held', 'second empty-list-held', 'first closed', 'second closed'])
  })

  it('is active only while somebody listens', () => {
    const events = new EventChannel()
    expect(events.active).toBe(false)
    const unsubscribe = events.subscribe(() => {})
    expect(events.active).toBe(true)
    unsubscribe()
    unsubscribe()
    expect(events.active).toBe(false)
  })

  it('emits to a listener of some types only these, and none about requests unless one of them is', () => {
    const events = new EventChannel()
    const emitted: string[] = []
    events.subscribe(({ type }) => emitted.push(type), ['closed', 'listener-failed'])
    expect(events).toMatchObject({ active: true, wantsRequests: false })
    events.emit(held)
    events.emit({ type: 'closed' })
    expect(emitted).toEqual(['closed'])
    const unsubscribe = events.subscribe(() => {
      throw new Error('listener')
    })
    expect(events.wantsRequests).toBe(true)
    events.emit(held)
    expect(emitted).toEqual(['closed', 'listener-failed'])
    unsubscribe()
    expect(events).toMatchObject({ active: true, wantsRequests: false })
    events.subscribe(() => {}, ['request-finished'])
    expect(events.wantsRequests).toBe(true)
  })

  it('counts a listener that subscribes twice as two', () => {
    const events = new EventChannel()
    let calls = 0
    const listener = (): void => {
      calls++
    }
    const first = events.subscribe(listener)
    events.subscribe(listener)
    events.emit(held)
    expect(calls).toBe(2)
    first()
    first()
    events.emit(held)
    expect(calls).toBe(3)
  })

  it('goes on when a listener throws, and tells the others', () => {
    const events = new EventChannel()
    const told: LoadBalancerEvent[] = []
    const error = new Error('listener')
    const thrower = (): void => {
      throw error
    }
    events.subscribe(thrower)
    events.subscribe((event) => told.push(event))
    events.emit(held)
    expect(told).toEqual([{ type: 'listener-failed', error }, held])
  })

  it('does not recurse when every listener always throws', () => {
    const events = new EventChannel()
    let calls = 0
    for (let index = 0; index < 3; index++) {
      events.subscribe(() => {
        calls++
        throw new Error('listener')
      })
    }
    events.emit(held)
    // Each of the three gets the event, and of each failure the two others are told.
    expect(calls).toBe(3 + 3 * 2)
  })

  it('emits nothing after its last event, whatever listeners of that emit', () => {
    const events = new EventChannel()
    const types: string[] = []
    events.subscribe(
      ({ type }) => {
        types.push(type)
        events.emit(held)
      },
      ['closed'],
    )
    events.subscribe(({ type }) => types.push(type))
    events.end({ type: 'closed' })
    events.emit(held)
    expect(types).toEqual(['closed', 'closed'])
    expect(events.active).toBe(false)
  })

  it('delivers what waits before its last event', () => {
    const events = new EventChannel()
    const types: string[] = []
    events.subscribe(({ type }) => types.push(type))
    events.together(() => {
      events.emit(held)
      events.end({ type: 'closed' })
      expect(types).toEqual([])
    })
    expect(types).toEqual([held.type, 'closed'])
  })

  it('tells a listener that subscribes during an event only of the next one', () => {
    const events = new EventChannel()
    let late = 0
    const unsubscribe = events.subscribe(() => {
      unsubscribe()
      events.subscribe(() => late++)
    })
    events.emit(held)
    expect(late).toBe(0)
    events.emit(held)
    expect(late).toBe(1)
  })

  it('does not tell a listener that another one unsubscribed during the event', () => {
    const events = new EventChannel()
    let calls = 0
    let unsubscribe: () => void = () => {}
    events.subscribe(() => unsubscribe())
    unsubscribe = events.subscribe(() => calls++)
    events.emit(held)
    expect(calls).toBe(0)
  })
})
