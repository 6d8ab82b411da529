import uPlot from 'uplot'
import { type Frame, frameMs } from './recorded-run.ts'

/** Plots calls, failures and retries per second over the time of the run. */
export function timePlot(target: HTMLElement, frames: readonly Frame[]): uPlot {
  const perSecond = Math.round(1_000 / frameMs)
  const seconds = Array.from({ length: Math.floor(frames.length / perSecond) }, (_, second) => second + 1)
  const sums = (of: (frame: Frame) => number): number[] =>
    seconds.map((second) =>
      frames.slice((second - 1) * perSecond, second * perSecond).reduce((sum, frame) => sum + of(frame), 0),
    )
  target.replaceChildren()
  return new uPlot(
    {
      width: Math.max(200, target.clientWidth),
      height: 160,
      scales: { x: { time: false } },
      series: [
        { label: 'second' },
        { label: 'calls', stroke: '#3b82f6' },
        { label: 'failed', stroke: '#c2410c' },
        { label: 'retries', stroke: '#d48806' },
      ],
      axes: [{ stroke: 'currentColor' }, { stroke: 'currentColor' }],
    },
    [seconds, sums(({ calls }) => calls), sums(({ failed }) => failed), sums(({ retries }) => retries)],
    target,
  )
}
