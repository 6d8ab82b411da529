import { styleText } from 'node:util'
import type { PhaseName } from './phase.ts'

const barWidth = 30
const redrawMs = 50

/** A progress bar on a terminal; on a pipe, nothing. */
export class Progress {
  readonly #stream: NodeJS.WriteStream
  #drawnAt = 0

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  update(phase: PhaseName, done: number, requests: number): void {
    if (!this.#stream.isTTY) return
    const now = performance.now()
    if (done < requests && now - this.#drawnAt < redrawMs) return
    this.#drawnAt = now
    const filled = Math.floor((barWidth * done) / requests)
    const bar = styleText('green', '█'.repeat(filled), { stream: this.#stream }) + '░'.repeat(barWidth - filled)
    this.#stream.write(`\r\u001b[K${phase.padEnd(28)} ${bar} ${done}/${requests}`)
  }

  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[K')
  }
}
