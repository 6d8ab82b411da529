import { stripVTControlCharacters } from 'node:util'
import type { TextOutput } from './command-context.ts'
import { displayWidth, shortened } from './printable.ts'

const enter = '\u001b[?1049h\u001b[?25l'
const leave = '\u001b[?25h\u001b[?1049l'
const home = '\u001b[H'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'

/** A terminal that shows one frame after the other in place, and then what it showed before. */
export class Screen {
  readonly #out: TextOutput

  constructor(out: TextOutput) {
    this.#out = out
    out.write(enter)
  }

  /** Shows as much of `frame` as fits. */
  show(frame: string): void {
    const { columns = 80, rows = 24 } = this.#out
    const lines = frame.trimEnd().split('\n').slice(0, rows)
    const fitting = lines.map((line) => {
      const plain = stripVTControlCharacters(line)
      return displayWidth(plain) > columns ? shortened(plain, columns) : line
    })
    this.#out.write(`${home}${fitting.map((line) => `${line}${clearLine}`).join('\n')}${clearBelow}`)
  }

  /** Gives the terminal back. */
  leave(): void {
    this.#out.write(leave)
  }
}
