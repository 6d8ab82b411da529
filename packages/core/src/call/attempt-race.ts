import type { Attempt, SettledAttempt } from './attempt.ts'
import type { Interruptible } from './scope.ts'

export interface AttemptRaceOptions<T> {
  readonly run: (attempt: Attempt<T>) => Promise<SettledAttempt<T>>
  /** Whether a further attempt could not end better. */
  readonly isFinal: (settled: SettledAttempt<T>) => boolean
  /** Called with each attempt that ends before the race is over, and with the one that ends it. */
  readonly onSettled?: (settled: SettledAttempt<T>) => void
  /** Whether it takes `loser` over, which still runs now that `winner` ended the race; else it is cancelled. */
  readonly takesOver: (loser: Attempt<T>, winner: SettledAttempt<T>) => boolean
}

/**
 * Attempts of one call beside each other: gives the first that ended well, or for good, and cancels the others; or the last
 * failure.
 */
export class AttemptRace<T> implements Interruptible {
  readonly #options: AttemptRaceOptions<T>
  readonly #resolve: (settled: SettledAttempt<T>) => void
  readonly #running = new Set<Attempt<T>>()

  constructor(options: AttemptRaceOptions<T>, resolve: (settled: SettledAttempt<T>) => void) {
    this.#options = options
    this.#resolve = resolve
  }

  /** A race that begins with an attempt which is under way alone. */
  static of<T>(first: Attempt<T>, options: AttemptRaceOptions<T>): AttemptRace<T> {
    const resolve = first.handOver((settled) => race.#settle(settled))
    const race = new AttemptRace<T>(options, resolve)
    race.#running.add(first)
    return race
  }

  /** Those under way. */
  get size(): number {
    return this.#running.size
  }

  has(attempt: Attempt<T>): boolean {
    return this.#running.has(attempt)
  }

  /** The one that began last of those under way. */
  get latest(): Attempt<T> | undefined {
    let latest: Attempt<T> | undefined
    for (const attempt of this.#running) latest = attempt
    return latest
  }

  /** Before it begins: the call may have ended meanwhile, and then it must not be sent. */
  enter(attempt: Attempt<T>): void {
    this.#running.add(attempt)
  }

  begin(attempt: Attempt<T>): void {
    this.#running.add(attempt)
    void this.#options.run(attempt).then((settled) => this.#settle(settled))
  }

  interrupt(reason: unknown): void {
    for (const attempt of this.#running) attempt.interrupt(reason)
  }

  #settle(settled: SettledAttempt<T>): void {
    const { isFinal, onSettled, takesOver } = this.#options
    onSettled?.(settled)
    const lost = !this.#running.delete(settled.attempt)
    if (lost || (this.#running.size > 0 && !isFinal(settled))) {
      lose(settled)
      return
    }
    const losers = [...this.#running]
    this.#running.clear()
    for (const loser of losers) {
      if (!takesOver(loser, settled)) loser.cancel(new DOMException('another attempt was faster', 'AbortError'))
    }
    this.#resolve(settled)
  }
}

function lose<T>({ attempt, result }: SettledAttempt<T>): void {
  attempt.done()
  if (result.ok) attempt.discard(result.value)
}
