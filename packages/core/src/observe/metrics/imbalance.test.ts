import { describe, expect, it } from 'vitest'
import { parseInstance } from '../../instance/instance.ts'
import type { InstanceSnapshot } from '../snapshot.ts'
import { Imbalance } from './imbalance.ts'

interface Given {
  readonly weight?: number
  readonly requests: number
  readonly state?: InstanceSnapshot['state']
}

/** Instances that have finished this many requests. */
function snapshots(...given: readonly Given[]): InstanceSnapshot[] {
  return given.map(({ weight = 1, requests, state = 'available' }, index) => ({
    instance: parseInstance(`10.0.0.${index + 1}:80`),
    state,
    reason: '',
    forMs: 0,
    candidate: state === 'available',
    effectiveWeight: weight,
    ejections: 0,
    inFlight: 0,
    succeeded: requests,
    failed: 0,
  }))
}

describe('the imbalance', () => {
  it('is 1 where requests are as the weights, whatever happened before', () => {
    const imbalance = new Imbalance()
    expect(imbalance.measure(snapshots({ requests: 900 }, { requests: 0 }), 0)).toBeUndefined()
    const later = snapshots({ requests: 1_000, weight: 1 }, { requests: 300, weight: 3 })
    expect(imbalance.measure(later, 15_000)).toBe(1)
  })

  it('is the largest ratio to the share by weight', () => {
    const imbalance = new Imbalance()
    imbalance.measure(snapshots({ requests: 0 }, { requests: 0 }), 0)
    expect(imbalance.measure(snapshots({ requests: 90 }, { requests: 30 }), 1_000)).toBe(1.5)
  })

  it('is not known before each counted share stands for 20 requests', () => {
    const imbalance = new Imbalance()
    imbalance.measure(snapshots({ requests: 0 }, { requests: 0 }), 0)
    expect(imbalance.measure(snapshots({ requests: 39 }, { requests: 0 }), 1_000)).toBeUndefined()
    expect(imbalance.measure(snapshots({ requests: 40 }, { requests: 0 }), 2_000)).toBe(2)
  })

  it('forgets after two minutes, however often it is read', () => {
    for (const everyMs of [1_000, 15_000, 29_000]) {
      const imbalance = new Imbalance()
      imbalance.measure(snapshots({ requests: 0 }, { requests: 0 }), 0)
      let value: number | undefined
      // At first all requests go to one; from 10 s on, each gets 10 per second.
      for (let atMs = everyMs; atMs <= 150_000; atMs += everyMs) {
        const even = Math.max(0, atMs - 10_000) / 100
        const first = Math.min(atMs, 10_000) / 10 + even
        value = imbalance.measure(snapshots({ requests: first }, { requests: even }), atMs)
      }
      expect([everyMs, value]).toEqual([everyMs, 1])
    }
  })

  it('counts only instances that could be picked, and knew before', () => {
    const imbalance = new Imbalance()
    imbalance.measure(snapshots({ requests: 0 }, { requests: 0 }, { requests: 0 }), 0)
    const later = snapshots({ requests: 50 }, { requests: 50 }, { requests: 0, state: 'ejected' }, { requests: 500 })
    expect(imbalance.measure(later, 1_000)).toBe(1)
  })

  it('takes an instance that moved, and counts anew under its id, for idle', () => {
    const imbalance = new Imbalance()
    imbalance.measure(snapshots({ requests: 1_000 }, { requests: 0 }), 0)
    expect(imbalance.measure(snapshots({ requests: 5 }, { requests: 100 }), 1_000)).toBe(2)
  })
})
