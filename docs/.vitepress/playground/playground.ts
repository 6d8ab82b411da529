import './playground.css'
import { element } from './element.ts'
import { Pane } from './pane.ts'
import { Playback } from './playback.ts'
import { frameMs } from './recorded-run.ts'
import { fragmentOf, most, type Settings, settingsOf } from './settings.ts'
import { settingsForm } from './settings-form.ts'
import type { WorkerMessage, WorkerRequest } from './worker.ts'

/** The playground: fills `target`, and gives what ends it. */
export function playground(target: HTMLElement): () => void {
  const shown = new Playground(target)
  return () => shown.close()
}

/** Two balancers side by side, simulated in a worker. The address of the page holds the settings. */
class Playground {
  readonly #status = element('p', { ariaLive: 'polite', className: 'pg-status' })
  readonly #panes = [new Pane(), new Pane()]
  readonly #playback = new Playback((at) => this.#draw(at))
  readonly #file = element('input', { type: 'file', accept: '.jsonl' })
  #recording: string | undefined
  #worker: Worker | undefined
  #full = 4

  readonly #form = element('div')
  // Someone has followed a link to other settings.
  readonly #open = (): void => this.#load()

  constructor(target: HTMLElement) {
    target.replaceChildren(
      this.#form,
      element(
        'p',
        {},
        element('label', {}, 'A recording of recordTraffic instead of clients and instances: ', this.#file),
      ),
      this.#status,
      this.#playback.root,
      element('div', { className: 'pg-panes' }, ...this.#panes.map(({ root }) => root)),
    )
    addEventListener('hashchange', this.#open)
    this.#file.addEventListener('change', () => void this.#takeRecording())
    this.#load()
  }

  close(): void {
    removeEventListener('hashchange', this.#open)
    this.#playback.close()
    this.#worker?.terminate()
    for (const pane of this.#panes) pane.close()
  }

  #load(): void {
    const settings = settingsOf(location.hash.slice(1))
    this.#form.replaceChildren(settingsForm(settings, (chosen) => this.#start(chosen)))
    this.#start(settings)
  }

  /** It stays in this page. */
  async #takeRecording(): Promise<void> {
    this.#recording = await this.#file.files?.[0]?.text()
    this.#load()
  }

  #start(settings: Settings): void {
    history.replaceState(history.state, '', `#${fragmentOf(settings)}`)
    const calls = settings.clients * settings.callsPerSecond * settings.seconds
    if (this.#recording === undefined && calls > most.calls) {
      this.#say(
        `${calls.toLocaleString('en')} calls are too many for a page: at most ${most.calls.toLocaleString('en')}.`,
      )
      return
    }
    this.#worker?.terminate()
    this.#say('Simulating …')
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    this.#worker = worker
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#take(data, settings)
    worker.onerror = ({ message }) => this.#say(`The simulation failed: ${message}`)
    const request: WorkerRequest = { settings, recording: this.#recording }
    worker.postMessage(request)
  }

  #take(message: WorkerMessage, { balancers }: Settings): void {
    if ('error' in message) {
      this.#say(message.error)
      return
    }
    const { side, run } = message
    this.#panes[side]?.show(balancers[side === 0 ? 0 : 1], run)
    // Half of the most: a bar that is cut off says that it is far too much.
    this.#full = Math.max(4, ...this.#panes.map(({ mostInFlight }) => mostInFlight / 2))
    this.#playback.begin(run.frames.length)
    if (side === this.#panes.length - 1) this.#say(`Done. Each second of the run is ${1_000 / frameMs} frames.`)
  }

  #draw(at: number): void {
    for (const pane of this.#panes) pane.draw(at, this.#full)
  }

  #say(text: string): void {
    this.#status.textContent = text
  }
}
