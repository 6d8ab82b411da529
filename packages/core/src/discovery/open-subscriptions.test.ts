import { describe, expect, it } from 'vitest'
import type { DiscoveryObserver, DiscoverySubscription } from './discovery.ts'
import { closableWatch, OpenSubscriptions } from './open-subscriptions.ts'

class Notes implements DiscoveryObserver {
  readonly lists: unknown[] = []
  readonly errors: unknown[] = []
  onCall: () => void = () => {}

  next(list: unknown): void {
    this.lists.push(list)
    this.onCall()
  }

  error(cause: unknown): void {
    this.errors.push(cause)
    this.onCall()
  }
}

/** A watch that pushes when told to, and notes what was closed. */
class Source {
  readonly observers: DiscoveryObserver[] = []
  readonly closed: string[] = []
  first: readonly string[] | undefined

  readonly watch = (service: string, observer: DiscoveryObserver): DiscoverySubscription => {
    this.observers.push(observer)
    if (this.first !== undefined) observer.next(this.first)
    return { close: () => void this.closed.push(service) }
  }
}

const closedError = { code: 'LB_CLOSED', service: 'users', message: 'users: the discovery was closed' }

describe('the open subscriptions of a discovery', () => {
  it('are closed together, each once, and each observer gets the error; those closed before do not', () => {
    const [source, open] = [new Source(), new OpenSubscriptions()]
    const [left, stayed] = [new Notes(), new Notes()]
    const subscription = open.open('orders', left, source.watch)
    open.open('users', stayed, source.watch)
    subscription.close()
    subscription.close()
    open.close()
    open.close()
    expect(source.closed).toEqual(['orders', 'users'])
    expect([left.errors, stayed.errors]).toMatchObject([[], [closedError]])
  })

  it('pass on what the watch says until then, and nothing later', () => {
    const [source, open, notes] = [new Source(), new OpenSubscriptions(), new Notes()]
    source.first = ['a:1']
    open.open('users', notes, source.watch)
    source.observers[0]?.error('down')
    open.close()
    source.observers[0]?.next(['b:1'])
    source.observers[0]?.error('down')
    expect(notes.lists).toEqual([['a:1']])
    expect(notes.errors).toMatchObject(['down', closedError])
  })

  it('cannot be opened any more: the observer gets the error, and nothing is watched', () => {
    const [source, open, notes] = [new Source(), new OpenSubscriptions(), new Notes()]
    open.throwIfClosed('users')
    open.close()
    open.open('users', notes, source.watch).close()
    expect(notes.errors).toMatchObject([closedError])
    expect([source.observers.length, open.closed]).toEqual([0, true])
    expect(() => open.throwIfClosed('users')).toThrow(expect.objectContaining(closedError))
  })

  it('may be closed by an observer before the watch has begun: what it opens then is closed at once', () => {
    const [source, open, notes] = [new Source(), new OpenSubscriptions(), new Notes()]
    source.first = ['a:1']
    notes.onCall = () => open.close()
    open.open('users', notes, source.watch)
    expect(source.closed).toEqual(['users'])
    expect([notes.lists.length, notes.errors.length]).toEqual([1, 1])
  })

  it('are all closed although an observer throws', () => {
    const [source, open] = [new Source(), new OpenSubscriptions()]
    const [broken, sound] = [new Notes(), new Notes()]
    broken.onCall = () => {
      throw new Error('mistake')
    }
    open.open('users', broken, source.watch)
    open.open('users', sound, source.watch)
    open.close()
    expect([source.closed.length, sound.errors.length]).toEqual([2, 1])
  })

  it('are not opened by a watch that throws', () => {
    const [open, notes] = [new OpenSubscriptions(), new Notes()]
    const failing = (): never => {
      throw new RangeError('no')
    }
    expect(() => open.open('users', notes, failing)).toThrow(RangeError)
    open.close()
    expect(notes.errors).toEqual([])
  })
})

describe('closableWatch', () => {
  it('ends what it began', () => {
    const [source, notes] = [new Source(), new Notes()]
    const watch = closableWatch(source.watch)
    watch('users', notes)
    watch.close()
    watch('users', notes)
    expect(source.closed).toEqual(['users'])
    expect(notes.errors).toMatchObject([closedError, closedError])
  })
})
