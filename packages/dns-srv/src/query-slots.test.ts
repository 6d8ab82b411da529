import { getEventListeners } from 'node:events'
import { settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { QuerySlots } from './query-slots.ts'

const { signal } = new AbortController()

/** Actions that run until they are told to end. */
class Actions {
  readonly started: number[] = []
  readonly #end = new Map<number, (failure?: Error) => void>()

  run(slots: QuerySlots, id: number, until: AbortSignal = signal): Promise<number> {
    return slots.run(until, () => {
      this.started.push(id)
      return new Promise((resolve, reject) => {
        this.#end.set(id, (failure) => (failure === undefined ? resolve(id) : reject(failure)))
      })
    })
  }

  async end(id: number, failure?: Error): Promise<void> {
    this.#end.get(id)?.(failure)
    await settlePromises()
  }
}

describe('QuerySlots', () => {
  it('runs as many as there are slots, the others in order', async () => {
    const [slots, actions] = [new QuerySlots(2), new Actions()]
    const all = [1, 2, 3, 4, 5].map((id) => actions.run(slots, id))
    await settlePromises()
    expect(actions.started).toEqual([1, 2])
    await actions.end(2)
    expect(actions.started).toEqual([1, 2, 3])
    for (const id of [1, 3, 4, 5]) await actions.end(id)
    expect(await Promise.all(all)).toEqual([1, 2, 3, 4, 5])
    void actions.run(slots, 6)
    void actions.run(slots, 7)
    await settlePromises()
    expect(actions.started).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('gives the slot of a failed one to the next', async () => {
    const [slots, actions] = [new QuerySlots(1), new Actions()]
    const failed = expect(actions.run(slots, 1)).rejects.toThrow('no')
    void actions.run(slots, 2)
    await settlePromises()
    await actions.end(1, new Error('no'))
    await failed
    expect(actions.started).toEqual([1, 2])
  })

  it('lets go of one that is aborted while it waits', async () => {
    const [slots, actions] = [new QuerySlots(1), new Actions()]
    const controller = new AbortController()
    void actions.run(slots, 1)
    const aborted = expect(actions.run(slots, 2, controller.signal)).rejects.toThrow('enough')
    void actions.run(slots, 3, controller.signal).catch(() => {})
    await settlePromises()
    controller.abort(new Error('enough'))
    await aborted
    await actions.end(1)
    expect(actions.started).toEqual([1])
    void actions.run(slots, 4)
    await settlePromises()
    expect(actions.started).toEqual([1, 4])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('does not start for a signal that is aborted already', async () => {
    const [slots, actions] = [new QuerySlots(1), new Actions()]
    await expect(actions.run(slots, 1, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    expect(actions.started).toEqual([])
  })
})
