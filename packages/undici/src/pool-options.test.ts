import { maxHeaderSize } from 'node:http'
import { describe, expect, it } from 'vitest'
import { checkPoolOptions, poolSettings } from './pool-options.ts'

describe('pool options', () => {
  it('have defaults that lose no request to an instance that closes idle connections', () => {
    expect(poolSettings()).toEqual({
      connections: null,
      pipelining: 1,
      keepAliveTimeout: 1_000,
      keepAliveMaxTimeout: 60_000,
      keepAliveTimeoutThreshold: 1_000,
      maxHeaderSize,
    })
  })

  it('bound an announced time as well', () => {
    expect(poolSettings({ keepAliveTimeoutMs: 500 })).toMatchObject({ keepAliveTimeout: 500, keepAliveMaxTimeout: 500 })
    expect(poolSettings({ connections: 10, maxHeaderBytes: 65_536 })).toMatchObject({
      connections: 10,
      maxHeaderSize: 65_536,
    })
  })

  it('use no connection twice when it may not be idle', () => {
    expect(poolSettings({ keepAliveTimeoutMs: 0 })).toMatchObject({ pipelining: 0 })
  })

  it.each([
    [{ connections: 0 }, 'x.pool.connections must be an integer ≥ 1, got 0'],
    [{ keepAliveTimeoutMs: -1 }, 'x.pool.keepAliveTimeoutMs must be a number of milliseconds in [0,'],
    [{ keepAliveTimeoutMs: Number.NaN }, 'x.pool.keepAliveTimeoutMs must be'],
    [{ maxHeaderBytes: 10 }, 'x.pool.maxHeaderBytes must be an integer in [1024, 16777216], got 10'],
    [{ conections: 1 }, 'x.pool.conections is not a known option. Did you mean connections?'],
    [[], 'x.pool must be an object'],
  ])('%j are refused', (options, message) => {
    expect(() => checkPoolOptions('x.pool', options as object)).toThrow(message)
  })
})
