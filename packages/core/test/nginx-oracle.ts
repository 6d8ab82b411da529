/**
 * Smooth weighted round robin as nginx does it, step by step and with nothing remembered: the yardstick for the
 * schedule that records and replays.
 */
export class NginxOracle {
  readonly #peers: { readonly weight: number; current: number }[]

  constructor(weights: readonly number[], currents: readonly number[] = weights.map(() => 0)) {
    this.#peers = weights.map((weight, index) => ({ weight, current: currents[index] ?? 0 }))
  }

  next(): number {
    let total = 0
    let best = -1
    for (const [index, peer] of this.#peers.entries()) {
      peer.current += peer.weight
      total += peer.weight
      const leader = this.#peers[best]
      if (leader === undefined || peer.current > leader.current) best = index
    }
    const winner = this.#peers[best]
    if (winner !== undefined) winner.current -= total
    return best
  }

  take(count: number): number[] {
    return Array.from({ length: count }, () => this.next())
  }

  currents(): number[] {
    return this.#peers.map(({ current }) => current)
  }
}
