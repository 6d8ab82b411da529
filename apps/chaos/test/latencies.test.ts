import { describe, expect, it } from 'vitest'
import { Latencies } from '../src/latencies.ts'

describe('Latencies', () => {
  it('tells quantiles by the nearest rank', () => {
    const latencies = new Latencies()
    for (let value = 100; value >= 1; value--) latencies.add(value)
    expect([0, 0.5, 0.99, 1].map((q) => latencies.quantile(q))).toEqual([1, 50, 99, 100])
  })

  it('grows beyond its first size', () => {
    const latencies = new Latencies()
    for (let value = 1; value <= 5_000; value++) latencies.add(value)
    expect(latencies.count).toBe(5_000)
    expect(latencies.quantile(0.5)).toBe(2_500)
  })

  it('has 0 for every quantile of nothing', () => {
    expect(new Latencies().quantile(0.99)).toBe(0)
  })
})
