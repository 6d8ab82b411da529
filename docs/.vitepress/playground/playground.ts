import 'uplot/dist/uPlot.min.css'
import './playground.css'
import { drawFleet } from './fleet-view.ts'
import { frameMs, type RecordedRun } from './recorded-run.ts'
import { balancers, fragmentOf, most, type Settings, scenarioNames, settingsOf } from './settings.ts'
import { timePlot } from './time-plot.ts'

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const created = Object.assign(document.createElement(tag), properties)
  created.append(...children)
  return created
}

/** The playground: fills `target`, and gives what ends it. */
export function playground(target: HTMLElement): () => void {
  const settings = settingsOf(location.hash.slice(1))
  const form = settingsForm(settings)
  const status = element('p', { ariaLive: 'polite', className: 'pg-status' })
  const speed = element(
    'select',
    { ariaLabel: 'Speed' },
    ...[1, 5, 20].map((times) => new Option(`${times} ×`, String(times))),
  )
  speed.value = '5'
  const position = element('input', { type: 'range', min: '0', max: '0', value: '0', ariaLabel: 'Time' })
  const play = element('button', { type: 'button', textContent: 'Pause' })
  const panes = [pane(), pane()]
  const controls = element('div', { className: 'pg-controls' }, play, speed, position)
  target.replaceChildren(
    form,
    status,
    controls,
    element('div', { className: 'pg-panes' }, ...panes.map(({ root }) => root)),
  )

  let runs: (RecordedRun | undefined)[] = []
  let worker: Worker | undefined
  let playing = true
  let at = 0

  const draw = (): void => {
    const inFlight = runs.flatMap(
      (run) => run?.frames.flatMap(({ instances }) => instances.map((each) => each.inFlight)) ?? [],
    )
    const most = Math.max(4, inFlight.reduce((max, value) => Math.max(max, value), 0) / 2)
    for (const [side, run] of runs.entries()) {
      const frame = run?.frames[Math.min(Math.floor(at), run.frames.length - 1)]
      const shown = panes[side]
      if (frame !== undefined && shown !== undefined) drawFleet(shown.canvas, frame, most)
    }
    position.value = String(Math.floor(at))
    position.ariaValueText = `${((at * frameMs) / 1_000).toFixed(1)} s`
  }

  const start = (): void => {
    const chosen = readForm(form)
    history.replaceState(history.state, '', `#${fragmentOf(chosen)}`)
    const calls = chosen.clients * chosen.callsPerSecond * chosen.seconds
    if (calls > most.calls) {
      status.textContent = `${calls.toLocaleString('en')} calls are too many for a page: at most ${most.calls.toLocaleString('en')}.`
      return
    }
    worker?.terminate()
    runs = []
    at = 0
    status.textContent = 'Simulating …'
    worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = ({ data }: MessageEvent<{ side: number; run: RecordedRun } | { error: string }>) => {
      if ('error' in data) {
        status.textContent = data.error
        return
      }
      runs[data.side] = data.run
      const shown = panes[data.side]
      if (shown !== undefined) showReport(shown, chosen.balancers[data.side === 0 ? 0 : 1], data.run)
      position.max = String(data.run.frames.length - 1)
      if (runs.length === 2) status.textContent = `Done. Each second of the run is ${1_000 / frameMs} frames.`
    }
    worker.onerror = ({ message }) => {
      status.textContent = `The simulation failed: ${message}`
    }
    worker.postMessage(chosen)
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    start()
  })
  play.addEventListener('click', () => {
    playing = !playing
    play.textContent = playing ? 'Pause' : 'Play'
  })
  position.addEventListener('input', () => {
    at = Number(position.value)
    draw()
  })
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    const frames = Number(position.max)
    if (playing && runs[0] !== undefined)
      at = at >= frames ? 0 : Math.min(frames, at + ((now - last) * Number(speed.value)) / frameMs)
    last = now
    if (playing) draw()
  }, 50)
  start()
  return () => {
    clearInterval(timer)
    worker?.terminate()
  }
}

interface Pane {
  readonly root: HTMLElement
  readonly title: HTMLElement
  readonly canvas: HTMLCanvasElement
  readonly figures: HTMLElement
  readonly plot: HTMLElement
}

function pane(): Pane {
  const title = element('h3')
  const canvas = element('canvas', { role: 'img' })
  const figures = element('dl')
  const plot = element('div')
  return { root: element('section', {}, title, canvas, figures, plot), title, canvas, figures, plot }
}

function showReport({ title, canvas, figures, plot }: Pane, balancer: string, { frames, report }: RecordedRun): void {
  title.textContent = balancer
  canvas.ariaLabel = `${frames[0]?.instances.length ?? 0} instances with their requests in flight, chosen by ${balancer}`
  const ms = (value: number): string => `${value.toFixed(0)} ms`
  const rows: [string, string][] = [
    ['calls that succeeded', `${(100 * report.goodput).toFixed(2)} %`],
    ['median', ms(report.p50Ms)],
    ['p99', ms(report.p99Ms)],
    ['attempts per call', report.amplification.toFixed(2)],
    ['busiest ÷ mean', report.loadImbalance.toFixed(2)],
    ['ejections', String(report.events['instance-ejected'] ?? 0)],
    ['hash of all events', report.hash],
  ]
  figures.replaceChildren(...rows.flatMap(([term, text]) => [element('dt', {}, term), element('dd', {}, text)]))
  timePlot(plot, frames)
}

function settingsForm(settings: Settings): HTMLFormElement {
  const choice = (name: string, value: string, options: readonly string[]): HTMLSelectElement => {
    const select = element('select', { name }, ...options.map((option) => new Option(option, option)))
    select.value = value
    return select
  }
  const field = (label: string, input: HTMLElement): HTMLElement => element('label', {}, label, input)
  const number = (name: keyof Settings, max: number, step = 1, min = step): HTMLInputElement =>
    element('input', {
      type: 'number',
      name,
      value: String(settings[name]),
      min: String(min),
      max: String(max),
      step: String(step),
      required: true,
    })
  const weights = element('input', {
    name: 'weights',
    value: String(settings.weights),
    pattern: '[0-9]+(,[0-9]+)*',
    title: 'Such as 5,1,1',
  })
  const checkbox = element('input', { type: 'checkbox', name: 'outlierDetection', checked: settings.outlierDetection })
  return element(
    'form',
    { className: 'pg-form' },
    field('Scenario', choice('scenario', settings.scenario, scenarioNames)),
    field('Left', choice('left', settings.balancers[0], balancers)),
    field('Right', choice('right', settings.balancers[1], balancers)),
    field('Instances', number('instances', most.instances)),
    field('Weights', weights),
    field('Clients', number('clients', most.clients)),
    field('Calls per second of each', number('callsPerSecond', most.callsPerSecond, 0.1)),
    field('Utilisation', number('utilisation', 1, 0.05)),
    field('Seconds', number('seconds', most.seconds)),
    field('Retries', number('retries', 10, 1, 0)),
    field('Seed', number('seed', 2 ** 31)),
    field('Ejection', checkbox),
    element('button', { type: 'submit', textContent: 'Run' }),
  )
}

function readForm(form: HTMLFormElement): Settings {
  const given = new URLSearchParams()
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') given.set(name, value)
  given.set('balancers', `${given.get('left') ?? ''},${given.get('right') ?? ''}`)
  given.set('outlierDetection', String(given.has('outlierDetection')))
  return settingsOf(given.toString())
}
