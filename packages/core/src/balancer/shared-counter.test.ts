import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { SharedCounter } from './shared-counter.ts'

function counterAt(value: number): SharedCounter {
  const buffer = new SharedArrayBuffer(4)
  new Uint32Array(buffer)[0] = value
  return new SharedCounter(buffer)
}

describe('SharedCounter', () => {
  it('counts from 0', () => {
    const counter = new SharedCounter()
    expect([counter.next(), counter.next(), counter.next()]).toEqual([0, 1, 2])
  })

  it('goes round within a modulus', () => {
    const counter = new SharedCounter()
    expect(Array.from({ length: 7 }, () => counter.next(3))).toEqual([0, 1, 2, 0, 1, 2, 0])
    expect(Array.from({ length: 3 }, () => counter.next(1))).toEqual([0, 0, 0])
  })

  it('is shared by all that have its buffer, and by nobody else', () => {
    const left = new SharedCounter()
    const right = new SharedCounter(left.buffer)
    expect(right.buffer).toBe(left.buffer)
    expect([left.next(), right.next(), right.next(), left.next()]).toEqual([0, 1, 2, 3])
    expect(new SharedCounter().next()).toBe(0)
  })

  it('turns over at 2³²', () => {
    const counter = counterAt(2 ** 32 - 2)
    expect([counter.next(), counter.next(), counter.next()]).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 0])
  })

  it.each([1, 2, 3, 5, 7, 8, 10, 1_000])(
    'skips and repeats no position when it overflows, for %i instances',
    (modulus) => {
      for (let before = 0; before <= 2 * modulus && before < 50; before++) {
        const counter = counterAt(2 ** 32 - 1 - before)
        let last = counter.next(modulus)
        for (let step = 0; step < modulus + 100; step++) {
          const position = counter.next(modulus)
          expect(position).toBe((last + 1) % modulus)
          last = position
        }
      }
    },
  )

  it('goes on below a modulus that changes', () => {
    const counter = counterAt(2 ** 32 - 5)
    for (let step = 0; step < 100; step++) {
      const modulus = 1 + (step % 10)
      const position = counter.next(modulus)
      expect(position).toBeGreaterThanOrEqual(0)
      expect(position).toBeLessThan(modulus)
    }
  })

  it('uses the first four bytes of a larger buffer', () => {
    const buffer = new SharedArrayBuffer(16)
    new SharedCounter(buffer).next()
    expect(Array.from(new Uint32Array(buffer))).toEqual([1, 0, 0, 0])
  })

  it.each([
    ['an ArrayBuffer', new ArrayBuffer(4)],
    ['a buffer of 3 bytes', new SharedArrayBuffer(3)],
    ['an empty buffer', new SharedArrayBuffer(0)],
    ['an array over shared memory', new Uint32Array(new SharedArrayBuffer(4))],
    ['null', null],
    ['a number', 4],
  ])('rejects %s', (_, buffer) => {
    const construct = (): unknown => Reflect.construct(SharedCounter, [buffer])
    expect(construct).toThrow(InvalidOptionError)
    expect(construct).toThrow('SharedCounter.buffer must be a SharedArrayBuffer of at least 4 bytes')
  })
})
