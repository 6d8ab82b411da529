import type { PhaseName } from './call-record.ts'
import type { FaultName } from './faults.ts'

/** What goes on, in one line on a terminal; on a pipe, nothing. */
export class Progress {
  readonly #stream: NodeJS.WriteStream
  #fault = ''
  readonly #waiting = new Set<FaultName>()

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  update(fault: FaultName, phase: PhaseName): void {
    if (phase === 'return') {
      this.#fault = ''
      this.#waiting.add(fault)
    } else {
      this.#fault = `${fault}: ${phase}`
    }
    this.#draw()
  }

  over(fault: FaultName): void {
    this.#waiting.delete(fault)
    this.clear()
  }

  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[K')
  }

  #draw(): void {
    if (!this.#stream.isTTY) return
    const waiting = this.#waiting.size === 0 ? '' : `waiting for the return: ${[...this.#waiting].join(', ')}`
    this.#stream.write(`\r\u001b[K${[this.#fault, waiting].filter((part) => part !== '').join('; ')}`)
  }
}
