import { element } from './element.ts'
import { frameMs } from './recorded-run.ts'

/** How often it draws, in milliseconds. */
const drawEveryMs = 50

/** Plays the frames of runs: play and pause, speed, and a position that can be moved. Those who prefer no motion press Play. */
export class Playback {
  readonly #play = element('button', { type: 'button' })
  readonly #speed = element(
    'select',
    { ariaLabel: 'Speed' },
    ...[1, 5, 20].map((times) => new Option(`${times} ×`, String(times), times === 5, times === 5)),
  )
  readonly #position = element('input', { type: 'range', min: '0', max: '0', value: '0', ariaLabel: 'Time' })
  readonly root: HTMLElement = element('div', { className: 'pg-controls' }, this.#play, this.#speed, this.#position)
  readonly #draw: (at: number) => void
  readonly #timer: ReturnType<typeof setInterval>
  #isPlaying = !matchMedia('(prefers-reduced-motion: reduce)').matches
  #at = 0
  #drawnAtMs = performance.now()

  /** `draw` gets the moment to be drawn, in frames. */
  constructor(draw: (at: number) => void) {
    this.#draw = draw
    this.#play.addEventListener('click', () => this.#toggle())
    this.#position.addEventListener('input', () => this.#show(Number(this.#position.value)))
    this.#timer = setInterval(() => this.#tick(), drawEveryMs)
    this.#nameButton()
  }

  /** From the start again, of runs with so many frames. */
  begin(frames: number): void {
    this.#position.max = String(Math.max(0, frames - 1))
    this.#show(0)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #toggle(): void {
    this.#isPlaying = !this.#isPlaying
    this.#nameButton()
  }

  #nameButton(): void {
    this.#play.textContent = this.#isPlaying ? 'Pause' : 'Play'
  }

  #tick(): void {
    const nowMs = performance.now()
    const passed = ((nowMs - this.#drawnAtMs) * Number(this.#speed.value)) / frameMs
    this.#drawnAtMs = nowMs
    if (!this.#isPlaying) return
    const last = Number(this.#position.max)
    this.#show(this.#at >= last ? 0 : Math.min(last, this.#at + passed))
  }

  #show(at: number): void {
    this.#at = at
    this.#position.value = String(Math.floor(at))
    this.#position.ariaValueText = `${((at * frameMs) / 1_000).toFixed(1)} s`
    this.#draw(at)
  }
}
