import { FakeClock, seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClientThrottle } from './client-throttle.ts'
import { type CriticalityRank, criticalities, rankOf } from './criticality.ts'

const ranks = criticalities.map(rankOf)

interface Served {
  readonly asked: number
  readonly sent: number
}

/** Requests of classes in these shares to a service with a capacity for a part of them: what is sent of each class. */
function served(shares: readonly number[], capacity: number, requests = 20_000): Served[] {
  const random = seededRandom(7)
  const throttle = new ClientThrottle({ clock: new FakeClock(), random })
  const counts = ranks.map(() => ({ asked: 0, sent: 0 }))
  const [critical = 0, ordinary = 0] = shares
  let places = 0
  for (let request = 0; request < requests; request++) {
    const drawn = random()
    const rank = drawn < critical ? 0 : drawn < critical + ordinary ? 1 : 2
    places = Math.min(10, places + capacity)
    const count = counts[rank]
    if (count === undefined) continue
    count.asked++
    if (throttle.shouldReject(rank)) continue
    count.sent++
    if (places < 1) {
      throttle.refused()
      continue
    }
    places--
    throttle.accepted()
  }
  return counts
}

function sentShare({ asked, sent }: Served = { asked: 0, sent: 0 }): number {
  return sent / asked
}

describe('the throttle by class', () => {
  it('rejects the sheddable only, as long as that is enough', () => {
    // The service has places for 40 %: twice that is sent, and half of all is sheddable.
    const [critical, ordinary, sheddable] = served([0.1, 0.4, 0.5], 0.4)
    expect(sentShare(critical)).toBe(1)
    expect(sentShare(ordinary)).toBeGreaterThan(0.99)
    expect(sentShare(sheddable)).toBeLessThan(0.7)
  })

  it('spares the critical while the service is dead, and sends a fifth of all', () => {
    const counts = served([0.1, 0.6, 0.3], 0)
    const [critical, ordinary, sheddable] = counts
    expect(sentShare(critical)).toBe(1)
    expect(sentShare(sheddable)).toBeLessThan(0.01)
    expect(sentShare(ordinary)).toBeLessThan(0.25)
    const sent = counts.reduce((sum, each) => sum + each.sent, 0)
    // 4 000, standard deviation 57; five of them.
    expect(Math.abs(sent - 4_000)).toBeLessThan(285)
  })

  it('is the published one for requests of one class, whichever that is', () => {
    const drawn = ranks.map((rank) => {
      const throttle = new ClientThrottle({ clock: new FakeClock(), random: seededRandom(3) })
      return Array.from({ length: 500 }, (_, request) => {
        const rejected = throttle.shouldReject(rank)
        if (!rejected && request % 5 === 0) throttle.accepted()
        else if (!rejected) throttle.refused()
        return rejected
      })
    })
    expect(drawn[0]).toEqual(drawn[1])
    expect(drawn[2]).toEqual(drawn[1])
    expect(drawn[1]).toContain(true)
  })

  it('never rejects critical requests for certain, whatever came before', () => {
    const requestArbitrary = fc.record({
      rank: fc.constantFrom<CriticalityRank>(0, 1, 2),
      accepted: fc.boolean(),
      pauseMs: fc.nat(20_000),
    })
    fc.assert(
      fc.property(fc.array(requestArbitrary, { maxLength: 200 }), (requests) => {
        const clock = new FakeClock()
        let draw = 0
        const throttle = new ClientThrottle({ clock, random: () => draw })
        for (const { rank, accepted, pauseMs } of requests) {
          clock.advanceSync(pauseMs)
          const overall = throttle.rejectProbability
          expect(overall).toBeGreaterThanOrEqual(0)
          expect(overall).toBeLessThanOrEqual(0.8)
          // The highest draw: only what is certain is rejected.
          draw = 0.999_999
          const certain = throttle.shouldReject(rank)
          expect(certain && rank === 0).toBe(false)
          if (certain) continue
          if (accepted) throttle.accepted()
          else throttle.refused()
        }
      }),
      { seed: 20_261_202, numRuns: 300 },
    )
  })
})
