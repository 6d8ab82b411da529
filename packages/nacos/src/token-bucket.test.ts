import { FakeClock } from '@lb/testing'
import { expect, it } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

it('lets a burst through, and then as many a second as it says, however often it is asked', () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, { burst: 5, perSecond: 2 })
  const taken = (tries: number): number => Array.from({ length: tries }, () => bucket.take()).filter(Boolean).length
  expect(taken(100)).toBe(5)
  let count = 0
  for (let step = 0; step < 100; step++) {
    clock.advanceSync(100)
    count += taken(10)
  }
  expect(count).toBe(20)
  clock.advanceSync(3_600_000)
  expect(taken(100)).toBe(5)
})
