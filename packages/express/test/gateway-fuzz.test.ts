import { describe, expect, it } from 'vitest'
import { fuzzGateway } from '../packed/gateway-fuzz.mts'

describe('a gateway of several proxies', () => {
  // The seed also says how they listen to upgrades.
  it.each([1, 2, 3])(
    'answers or closes every connection, and lives, whatever clients send (seed %i)',
    async (seed) => {
      const { faults, ends } = await fuzzGateway(seed, 150)
      expect(faults).toEqual([])
      expect(Object.keys(ends)).toEqual(expect.arrayContaining(['101', '200', '400', '404']))
    },
    60_000,
  )
})
