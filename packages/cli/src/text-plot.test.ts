import { describe, expect, it } from 'vitest'
import { columnPlot, histogram } from './text-plot.ts'

describe('a histogram', () => {
  it('counts every value once, between the least and the most', () => {
    const values = Float64Array.from({ length: 1_000 }, (_, index) => 1.01 ** index)
    const lines = histogram(values, { width: 40 }).trimEnd().split('\n')
    const counts = lines.map((line) => Number(/\s(\d+)(?: |$)/.exec(line.replace(/^.*?m?s/, ''))?.[1]))
    expect(lines).toHaveLength(10)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1_000)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40)
  })

  it.each([
    [[], ''],
    [[5, 5, 5], '≤ 5.00 ms 3 ██████████\n'],
    [[0, 0], '≤ 0.00 ms 2 ██████████\n'],
  ])('of %j', (values, text) => {
    expect(histogram(Float64Array.from(values), { width: 22 })).toBe(text)
  })
})

describe('a plot of columns', () => {
  it('shows ratios from the bottom up', () => {
    expect(columnPlot([1, 0.5, 0, 0.25], { width: 20, height: 4 })).toBe('100 % █\n      █\n      ██\n  0 % ██ █\n')
  })

  it('joins what is too much for its width, and keeps the worst', () => {
    const ratios = Array.from({ length: 100 }, (_, index) => (index === 57 ? 0 : 1))
    const plot = columnPlot(ratios, { width: 26, height: 2 })
    expect(plot.split('\n')[1]).toMatch(/^ {2}0 % █{11} █{8}$/)
  })
})
