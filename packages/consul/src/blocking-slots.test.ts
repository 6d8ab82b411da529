import { expect, it } from 'vitest'
import { BlockingSlots } from './blocking-slots.ts'

it('there are as many slots as were asked for, and one that is given back twice counts once', () => {
  const slots = new BlockingSlots(2)
  const [first, second] = [slots.take(), slots.take()]
  expect([typeof first, typeof second, slots.take()]).toEqual(['function', 'function', undefined])
  first?.()
  first?.()
  expect([typeof slots.take(), slots.take()]).toEqual(['function', undefined])
})

it('there may be none at all', () => {
  expect(new BlockingSlots(0).take()).toBeUndefined()
})
