import type { CommandContext } from './command-context.ts'

/** How far a command is, on standard error: on a terminal one line that changes, else a line for each quarter. */
export class ProgressLine {
  readonly #err: CommandContext['err']
  #quarter = 0
  #shown = ''
  #permille = -1

  constructor({ err }: CommandContext) {
    this.#err = err
  }

  /** `ratio` is from 0 to 1. */
  show(ratio: number, text: string): void {
    const line = `${`${Math.floor(100 * ratio)}`.padStart(3)} % ${text}`
    if (this.#err.isTerminal) {
      const permille = Math.floor(1_000 * ratio)
      if (permille === this.#permille) return
      this.#permille = permille
      const fitting = line.slice(0, Math.max(10, (this.#err.columns ?? 80) - 1))
      if (fitting !== this.#shown) this.#err.write(`\r${fitting.padEnd(this.#shown.length)}`)
      this.#shown = fitting
      return
    }
    const quarter = Math.floor(4 * ratio)
    if (quarter > this.#quarter) this.#err.write(`${line}\n`)
    this.#quarter = quarter
  }

  /** Clears the line of a terminal. */
  end(): void {
    if (this.#shown !== '') this.#err.write(`\r${' '.repeat(this.#shown.length)}\r`)
    this.#shown = ''
  }
}
