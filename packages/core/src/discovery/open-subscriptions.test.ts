import { describe, expect, it } from 'vitest'
import { OpenSubscriptions } from './open-subscriptions.ts'

describe('the open subscriptions of a discovery', () => {
  it('are closed together, each once, and those closed before are let go of', () => {
    const closed: string[] = []
    const open = new OpenSubscriptions()
    const [first] = ['first', 'second', 'third'].map((name) => open.add({ close: () => void closed.push(name) }))
    first?.close()
    expect(closed).toEqual(['first'])
    open.close()
    open.close()
    expect(closed).toEqual(['first', 'second', 'third'])
  })
})
