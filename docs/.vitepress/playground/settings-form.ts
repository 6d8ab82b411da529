import { element } from './element.ts'
import { balancers, most, type Settings, scenarioNames, settingsOf } from './settings.ts'

/** The form of the settings; `onSubmit` gets what it says. */
export function settingsForm(settings: Settings, onSubmit: (settings: Settings) => void): HTMLFormElement {
  const weights = element('input', {
    name: 'weights',
    value: String(settings.weights),
    pattern: '[0-9]+(,[0-9]+)*',
    title: 'Such as 5,1,1',
  })
  const checkbox = element('input', { type: 'checkbox', name: 'outlierDetection', checked: settings.outlierDetection })
  const form = element(
    'form',
    { className: 'pg-form' },
    choice('Scenario', 'scenario', settings.scenario, scenarioNames),
    choice('Left', 'left', settings.balancers[0], balancers),
    choice('Right', 'right', settings.balancers[1], balancers),
    number(settings, 'Instances', 'instances', most.instances),
    element('label', {}, 'Weights', weights),
    number(settings, 'Clients', 'clients', most.clients),
    number(settings, 'Calls per second of each', 'callsPerSecond', most.callsPerSecond, 0.1),
    number(settings, 'Utilisation', 'utilisation', 1, 0.05),
    number(settings, 'Seconds', 'seconds', most.seconds),
    number(settings, 'Retries', 'retries', 10, 1, 0),
    number(settings, 'Seed', 'seed', 2 ** 31),
    element('label', {}, 'Ejection', checkbox),
    element('button', { type: 'submit', textContent: 'Run' }),
  )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    onSubmit(read(form))
  })
  return form
}

function choice(label: string, name: string, value: string, options: readonly string[]): HTMLElement {
  const select = element('select', { name }, ...options.map((option) => new Option(option, option)))
  select.value = value
  return element('label', {}, label, select)
}

function number(
  settings: Settings,
  label: string,
  name: keyof Settings,
  max: number,
  step = 1,
  min = step,
): HTMLElement {
  const [value, least, largest] = [settings[name], min, max].map(String)
  const input = element('input', { type: 'number', name, required: true })
  Object.assign(input, { value, min: least, max: largest, step: String(step) })
  return element('label', {}, label, input)
}

function read(form: HTMLFormElement): Settings {
  const given = new URLSearchParams()
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') given.set(name, value)
  given.set('balancers', `${given.get('left') ?? ''},${given.get('right') ?? ''}`)
  given.set('outlierDetection', String(given.has('outlierDetection')))
  return settingsOf(given.toString())
}
