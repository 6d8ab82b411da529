import type { Random } from '@lb/core'

/** Which server is asked first, and which next. */
export class ServerOrder<S> {
  readonly #servers: readonly S[]
  #first = 0

  constructor(servers: readonly S[], random: Random) {
    this.#servers = shuffled(servers, random)
  }

  /** All of them, beginning with the one that answered last. */
  inTurn(): readonly S[] {
    return [...this.#servers.slice(this.#first), ...this.#servers.slice(0, this.#first)]
  }

  answered(server: S): void {
    this.#first = Math.max(0, this.#servers.indexOf(server))
  }
}

/** Source: Fisher and Yates, as in Knuth, The Art of Computer Programming, volume 2, 3.4.2, algorithm P. */
function shuffled<S>(servers: readonly S[], random: Random): S[] {
  const result = Array.from(servers)
  for (let last = result.length - 1; last > 0; last--) {
    const chosen = Math.min(last, Math.floor(random() * (last + 1)))
    const moved = result[last] as S
    result[last] = result[chosen] as S
    result[chosen] = moved
  }
  return result
}
