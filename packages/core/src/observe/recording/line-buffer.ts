import type { CancelTimer, Clock } from '../../base/clock.ts'

/** Lines are given to the reader when there are this many bytes of them, or after `chunkDelayMs`. */
const chunkBytes = 65_536
const chunkDelayMs = 1_000

/** Lines that wait for one reader, which gets them in chunks. */
export class LineBuffer implements AsyncIterableIterator<string, undefined> {
  readonly #clock: Clock
  readonly #onLeft: () => void
  #text = ''
  #ended = false
  #wake: (() => void) | undefined
  #cancelTimer: CancelTimer | undefined

  /** `onLeft` is called when the reader wants no more. */
  constructor(clock: Clock, onLeft: () => void) {
    this.#clock = clock
    this.#onLeft = onLeft
  }

  /** How many bytes wait: the lines are of ASCII characters. */
  get bytes(): number {
    return this.#text.length
  }

  add(line: string): void {
    this.#text += line
    this.#tellReader()
  }

  /** There are no more lines. */
  end(): void {
    this.#ended = true
    this.#wakeReader()
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    if (this.#text.length < chunkBytes) await this.#woken()
    while (this.#text === '' && !this.#ended) await this.#woken()
    const value = this.#text
    this.#text = ''
    return value === '' ? { done: true, value: undefined } : { done: false, value }
  }

  return(): Promise<IteratorResult<string, undefined>> {
    this.#onLeft()
    this.#text = ''
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #woken(): Promise<void> {
    if (this.#ended) return Promise.resolve()
    return new Promise((resolve) => {
      const earlier = this.#wake
      this.#wake = () => {
        earlier?.()
        resolve()
      }
      this.#tellReader()
    })
  }

  #tellReader(): void {
    if (this.#wake === undefined || this.#text === '') return
    if (this.#text.length >= chunkBytes) this.#wakeReader()
    else this.#cancelTimer ??= this.#clock.setTimeout(() => this.#wakeReader(), chunkDelayMs, { background: true })
  }

  #wakeReader(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
