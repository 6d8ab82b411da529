import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { randomTree } from './random-tree.ts'

function draw(random: () => number, count: number): number[] {
  return Array.from({ length: count }, random)
}

describe('randomTree', () => {
  it('gives the same stream for the same seed and path, whatever was drawn elsewhere', () => {
    const tree = randomTree(7)
    const expected = draw(tree('client 1', 'arrivals'), 50)
    const again = randomTree(7)
    draw(again('client 2', 'arrivals'), 1_000)
    expect(draw(again('client 1', 'arrivals'), 50)).toEqual(expected)
  })

  it('gives different streams for different seeds and paths', () => {
    const streams = [
      randomTree(7)('a', 'b'),
      randomTree(8)('a', 'b'),
      randomTree(7 + 2 ** 32)('a', 'b'),
      randomTree(-7)('a', 'b'),
      randomTree(7)('ab'),
      randomTree(7)('b', 'a'),
      randomTree(7)('a'),
      randomTree(7)(),
    ]
    expect(new Set(streams.map((stream) => draw(stream, 8).join())).size).toBe(streams.length)
  })

  it('draws evenly from [0, 1), within a stream and across the first numbers of many', () => {
    const tree = randomTree(1)
    const within = draw(tree('one'), 20_000)
    const across = Array.from({ length: 20_000 }, (_, index) => tree('client', `${index}`)())
    for (const numbers of [within, across]) {
      expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
      const counts = Array.from({ length: 20 }, () => 0)
      for (const number of numbers) counts[Math.floor(number * 20)] = (counts[Math.floor(number * 20)] ?? 0) + 1
      // Each of 20 bins expects 1 000; its deviation is sqrt(20 000 × 1/20 × 19/20) = 30.8. Five of them: 154.
      for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(154)
    }
  })

  it('refuses a seed that is no safe integer', () => {
    for (const seed of [0.5, Number.NaN, 2 ** 60]) expect(() => randomTree(seed)).toThrow(InvalidOptionError)
  })
})
