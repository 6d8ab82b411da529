import 'uplot/dist/uPlot.min.css'
import uPlot from 'uplot'
import { type Frame, frameMs } from './recorded-run.ts'

const height = 160
const framesPerSecond = Math.round(1_000 / frameMs)

/** Plots calls, failures and retries per second over the time of a run, as wide as its place is. */
export class TimePlot {
  readonly #target: HTMLElement
  readonly #resized = new ResizeObserver(() => this.#plot?.setSize(this.#size))
  #plot: uPlot | undefined

  constructor(target: HTMLElement) {
    this.#target = target
    this.#resized.observe(target)
  }

  /** Replaces the plot. */
  show(frames: readonly Frame[]): void {
    this.#plot?.destroy()
    this.#plot = new uPlot(
      {
        ...this.#size,
        scales: { x: { time: false } },
        series: [
          { label: 'second' },
          { label: 'calls', stroke: '#3b82f6' },
          { label: 'failed', stroke: '#c2410c' },
          { label: 'retries', stroke: '#d48806' },
        ],
        axes: [{ stroke: 'currentColor' }, { stroke: 'currentColor' }],
      },
      perSecond(frames),
      this.#target,
    )
  }

  close(): void {
    this.#resized.disconnect()
    this.#plot?.destroy()
  }

  get #size(): { width: number; height: number } {
    return { width: Math.max(200, this.#target.clientWidth), height }
  }
}

function perSecond(frames: readonly Frame[]): [number[], number[], number[], number[]] {
  const seconds = Array.from({ length: Math.floor(frames.length / framesPerSecond) }, (_, second) => second + 1)
  const sums = (of: (frame: Frame) => number): number[] =>
    seconds.map((second) =>
      frames.slice((second - 1) * framesPerSecond, second * framesPerSecond).reduce((sum, frame) => sum + of(frame), 0),
    )
  return [seconds, sums(({ calls }) => calls), sums(({ failed }) => failed), sums(({ retries }) => retries)]
}
