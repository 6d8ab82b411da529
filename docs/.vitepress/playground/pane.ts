import { element } from './element.ts'
import { drawFleet } from './fleet-view.ts'
import type { RecordedRun } from './recorded-run.ts'
import { TimePlot } from './time-plot.ts'

/** One side of the playground: the fleet at a moment, the figures of the run, and its plot. */
export class Pane {
  readonly #title = element('h3', { textContent: '\u00a0' })
  readonly #canvas = element('canvas', { role: 'img' })
  readonly #figures = element('dl')
  readonly #plot = element('div', { className: 'pg-plot' })
  readonly #timePlot = new TimePlot(this.#plot)
  readonly root: HTMLElement = element('section', {}, this.#title, this.#canvas, this.#figures, this.#plot)
  #run: RecordedRun | undefined

  /** Shows a run that has ended. */
  show(balancer: string, run: RecordedRun): void {
    const { frames, report } = run
    this.#run = run
    this.#title.textContent = balancer
    this.#canvas.ariaLabel = `${frames[0]?.instances.length ?? 0} instances with their requests in flight, chosen by ${balancer}`
    this.#figures.replaceChildren(
      ...figuresOf(report).flatMap(([term, text]) => [element('dt', {}, term), element('dd', {}, text)]),
    )
    this.#timePlot.show(frames)
  }

  /** The most requests in flight on one instance, at any moment of the run. */
  get mostInFlight(): number {
    let most = 0
    for (const { instances } of this.#run?.frames ?? []) {
      for (const { inFlight } of instances) most = Math.max(most, inFlight)
    }
    return most
  }

  /** Draws the moment `at`, in frames. A bar of full height is `full` requests in flight. */
  draw(at: number, full: number): void {
    const frames = this.#run?.frames ?? []
    const frame = frames[Math.min(Math.floor(at), frames.length - 1)]
    if (frame !== undefined) drawFleet(this.#canvas, frame, full)
  }

  close(): void {
    this.#timePlot.close()
  }
}

function figuresOf(report: RecordedRun['report']): [string, string][] {
  const ms = (value: number): string => `${value.toFixed(0)} ms`
  return [
    ['calls that succeeded', `${(100 * report.goodput).toFixed(2)} %`],
    ['median', ms(report.p50Ms)],
    ['p99', ms(report.p99Ms)],
    ['attempts per call', report.amplification.toFixed(2)],
    ['busiest ÷ mean', report.loadImbalance.toFixed(2)],
    ['ejections', String(report.events['instance-ejected'] ?? 0)],
    ['hash of all events', report.hash],
  ]
}
