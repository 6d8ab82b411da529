import { instances } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type PooledResult, ResultPool, type ResultPoolOptions } from './result-pool.ts'

const list = instances(6)

function result(index: number, known: Partial<PooledResult> = {}): PooledResult {
  const [instance = list[0]] = list.slice(index)
  if (instance === undefined) throw new Error('six instances')
  return { instance, weight: 1, inFlight: 0, latencyMs: 100, atMs: 0, sent: 0, usesLeft: 9, ...known }
}

function poolOf(results: readonly PooledResult[], options: Partial<ResultPoolOptions> = {}): ResultPool {
  const pool = new ResultPool({ poolSize: 16, maxAgeMs: 10_000, hotQuantile: 0.84, random: () => 0.99, ...options })
  for (const each of results) pool.add(each)
  return pool
}

const ids = (pool: ResultPool): string[] => pool.results.map(({ instance }) => instance.id)
const bestOf = (pool: ResultPool, avoid?: ReadonlySet<string>): string | undefined =>
  pool.best(0, 0, avoid)?.instance.id

describe('the pool of results', () => {
  it('has one for each instance, the last one', () => {
    const pool = poolOf([result(0, { inFlight: 1 }), result(1), result(0, { inFlight: 2 })])
    expect(pool.results.map(({ instance, inFlight }) => [instance.id, inFlight])).toEqual([
      ['i1', 0],
      ['i0', 2],
    ])
  })

  it('drops the oldest when it is full', () => {
    expect(ids(poolOf([result(0), result(1)], { poolSize: 2 }))).toEqual(['i0', 'i1'])
    expect(ids(poolOf([result(0), result(1), result(2)], { poolSize: 2 }))).toEqual(['i1', 'i2'])
  })

  it('forgets what is too old, and nothing that is just old enough', () => {
    const pool = poolOf([result(0, { atMs: 0 }), result(1, { atMs: 1 }), result(2, { atMs: 2 })])
    pool.expire(10_000)
    expect(ids(pool)).toEqual(['i0', 'i1', 'i2'])
    pool.expire(10_002)
    expect(ids(pool)).toEqual(['i2'])
    pool.expire(60_000)
    expect(ids(pool)).toEqual([])
  })

  it('forgets every result that is gone', () => {
    const pool = poolOf([result(0), result(1), result(2), result(3)])
    pool.forget(({ instance }) => instance.id !== 'i2')
    expect(ids(pool)).toEqual(['i2'])
    pool.forget(() => true)
    expect(ids(pool)).toEqual([])
  })

  it.each([
    [1, 5, 15, true],
    [2, 5, 15, false],
    [2, 15, 15, true],
    [3, 15, 15, false],
    [3, 99, 15, false],
  ])('has %i results that are not older than %i ms at %i ms: %s', (count, ageMs, nowMs, expected) => {
    const pool = poolOf([result(0, { atMs: 0 }), result(1, { atMs: 10 })])
    expect(pool.hasYounger(count, ageMs, nowMs)).toBe(expected)
  })
})

describe('what counts as hot', () => {
  it.each([
    [0, [10, 9, 100], 9],
    [0.5, [4, 1, 3, 2], 3],
    [0.84, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 9],
    [1, [4, 1, 3, 2], 4],
  ])('is what is above the quantile %d of %j: %d', (hotQuantile, loads, expected) => {
    const pool = poolOf([], { hotQuantile })
    expect(pool.hotAbove).toBe(Number.POSITIVE_INFINITY)
    for (const load of loads) pool.report(load)
    expect(pool.hotAbove).toBe(expected)
  })

  it('is taken from the last 64 reports', () => {
    const pool = poolOf([], { hotQuantile: 0 })
    for (let report = 0; report < 64; report++) pool.report(1)
    for (let report = 0; report < 63; report++) pool.report(9)
    expect(pool.hotAbove).toBe(1)
    pool.report(9)
    expect(pool.hotAbove).toBe(9)
  })
})

describe('the best result', () => {
  /** Hot is what has more than 5 requests in flight. */
  function poolWithHot(results: readonly PooledResult[], options: Partial<ResultPoolOptions> = {}): ResultPool {
    const pool = poolOf(results, options)
    pool.report(5)
    return pool
  }

  it('is the fastest of those that are not hot', () => {
    expect(bestOf(poolWithHot([result(0), result(1, { latencyMs: 50 }), result(2, { latencyMs: 80 })]))).toBe('i1')
    const busy = result(1, { inFlight: 6, latencyMs: 1 })
    expect(bestOf(poolWithHot([result(0), busy, result(2, { latencyMs: 200 })]))).toBe('i0')
    expect(bestOf(poolWithHot([busy, result(0), result(2, { latencyMs: 200 })]))).toBe('i0')
    expect(bestOf(poolWithHot([result(0), { ...busy, inFlight: 5 }]))).toBe('i1')
  })

  it('is the one with the fewest requests in flight for its weight where all are hot', () => {
    const busy = [7, 6, 8].map((inFlight, index) => result(index, { inFlight, latencyMs: inFlight === 6 ? 900 : 1 }))
    expect(bestOf(poolWithHot(busy))).toBe('i1')
    expect(bestOf(poolWithHot([...busy, result(3, { inFlight: 22, weight: 4 })]))).toBe('i3')
  })

  it('is not one to avoid, and none where all are', () => {
    const pool = poolWithHot([result(0, { latencyMs: 1 }), result(1)])
    expect(bestOf(pool, new Set(['i0']))).toBe('i1')
    expect(bestOf(pool, new Set(['i0', 'i1']))).toBeUndefined()
    expect(bestOf(poolOf([]))).toBeUndefined()
  })

  it('counts the requests that this client sent since, for the weight', () => {
    // 100 × (1 + 1 + 2) ÷ (1 + 1) = 200, and for a weight of 2: 100 × (1 + 1 + 1) ÷ 2 = 150.
    const sent = result(0, { inFlight: 1, sent: 2 })
    expect(bestOf(poolWithHot([sent, result(1, { latencyMs: 199 })]))).toBe('i1')
    expect(bestOf(poolWithHot([sent, result(1, { latencyMs: 201 })]))).toBe('i0')
    expect(bestOf(poolWithHot([{ ...sent, weight: 2 }, result(1, { latencyMs: 151 })]))).toBe('i0')
    expect(bestOf(poolWithHot([{ ...sent, weight: 2 }, result(1, { latencyMs: 149 })]))).toBe('i1')
    expect(bestOf(poolWithHot([result(0, { inFlight: 4, sent: 2, latencyMs: 1 }), result(1)]))).toBe('i1')
  })

  it('is not one that was quick before: it counts as a usual one', () => {
    const old = result(0, { latencyMs: 1, atMs: 99 })
    const results = [old, result(1, { latencyMs: 150, atMs: 100 })]
    expect(poolWithHot(results).best(99, 200, undefined)?.instance.id).toBe('i0')
    expect(poolWithHot(results).best(100, 200, undefined)?.instance.id).toBe('i1')
    expect(poolWithHot(results).best(100, 140, undefined)?.instance.id).toBe('i0')
    const slow = [result(0, { latencyMs: 300, atMs: 99 }), result(1, { latencyMs: 250, atMs: 100 })]
    expect(poolWithHot(slow).best(100, 200, undefined)?.instance.id).toBe('i1')
  })

  it.each([
    [false, 0.49, 'i1'],
    [false, 0.51, 'i0'],
    [true, 0.74, 'i1'],
    [true, 0.76, 'i0'],
  ])(
    'of two that are equal is any, by weight only if all are there (%s): %d gives %s',
    (isComplete, drawn, expected) => {
      const pool = poolOf([result(0), result(1, { weight: 3 })], { random: () => drawn })
      pool.isComplete = isComplete
      expect(bestOf(pool)).toBe(expected)
    },
  )

  it('of three that are equal is each as often', () => {
    // The second takes the place of the first for draws below 1 ÷ 2, the third that of either below 1 ÷ 3.
    const draws = [
      [0.6, 0.4],
      [0.4, 0.4],
      [0.4, 0.3],
    ]
    const chosen = draws.map((drawn) => {
      const left = [...drawn]
      return bestOf(poolOf([result(0), result(1), result(2)], { random: () => left.shift() ?? 0 }))
    })
    expect(chosen).toEqual(['i0', 'i1', 'i2'])
  })
})

describe('a result that is used', () => {
  it('counts the request, and goes with its last use', () => {
    const pool = poolOf([result(0), result(1, { usesLeft: 2 })])
    const [, used] = pool.results
    if (used === undefined) throw new Error('two results')
    pool.use(used.instance)
    expect(used).toMatchObject({ sent: 1, usesLeft: 1 })
    expect(ids(pool)).toEqual(['i0', 'i1'])
    pool.use(used.instance)
    expect(ids(pool)).toEqual(['i0'])
    expect(pool.results[0]?.sent).toBe(0)
  })

  it('of a full pool removes another: the worst and the oldest in turn', () => {
    const latencies = [50, 200, 100, 70, 60]
    const pool = poolOf(
      latencies.map((latencyMs, index) => result(index, { latencyMs })),
      { poolSize: 5 },
    )
    pool.use(result(5).instance)
    expect(ids(pool)).toEqual(['i0', 'i2', 'i3', 'i4'])
    pool.use(result(5).instance)
    expect(ids(pool), 'it is not full').toEqual(['i0', 'i2', 'i3', 'i4'])
    pool.use(result(5).instance)
    pool.add(result(5, { latencyMs: 300 }))
    pool.use(result(1).instance)
    expect(ids(pool)).toEqual(['i2', 'i3', 'i4', 'i5'])
  })

  it.each([
    ['a hot one before one that is slow', [{ inFlight: 6, latencyMs: 1 }, { latencyMs: 900 }], 'i0'],
    ['a hot one before one that is slow, wherever it is', [{ latencyMs: 900 }, { inFlight: 6, latencyMs: 1 }], 'i1'],
    [
      'of hot ones the busiest',
      [
        { inFlight: 7, latencyMs: 900 },
        { inFlight: 8, latencyMs: 1 },
      ],
      'i1',
    ],
    [
      'of hot ones the busiest, wherever it is',
      [
        { inFlight: 8, latencyMs: 1 },
        { inFlight: 7, latencyMs: 900 },
      ],
      'i0',
    ],
    ['of others the slowest', [{ inFlight: 5, latencyMs: 1 }, { latencyMs: 2 }], 'i1'],
    ['of equals the oldest', [{}, {}], 'i0'],
  ])('removes as the worst %s', (_, [first, second], removed) => {
    const pool = poolOf([result(0, first), result(1, second)], { poolSize: 2 })
    pool.report(5)
    pool.use(result(5).instance)
    expect(ids(pool)).toEqual(['i0', 'i1'].filter((id) => id !== removed))
  })
})
