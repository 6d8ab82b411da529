import {
  type Recording,
  runScenario,
  simulate as runSimulation,
  type Scenario,
  type ScenarioOptions,
  type SimulationOptions,
  type SimulationReport,
  scenarios,
} from '@lb/testing/simulation'
import { balancerOption } from '../balancer-option.ts'
import type { CommandFunction, Invocation } from '../command-definition.ts'
import { CommandError } from '../command-error.ts'
import { exitCodes } from '../exit-code.ts'
import type { JsonObject } from '../json-fields.ts'
import { type OutputFormat, outputFormat } from '../output-format.ts'
import { printableJson } from '../printable.ts'
import { ProgressLine } from '../progress-line.ts'
import { readRecordingFile } from '../recording-file.ts'
import { isLoadBalancerOptions, readSimulationFile } from '../simulation-file.ts'
import { simulationJson, simulationReport } from '../simulation-report.ts'
import { stylesFor } from '../text-style.ts'
import { textTable } from '../text-table.ts'

const steps = 100

/** `lb simulate`: a scenario, or what was recorded, in virtual time. */
export const simulate: CommandFunction = async (invocation) => {
  const { args, context, options } = invocation
  const [name] = args
  const format = outputFormat(options)
  if (name === undefined && !options.has('recording')) {
    context.out.write(listOfScenarios(invocation, format))
    return exitCodes.ok
  }
  const { title, recording, run, description, seed } = await simulationOf(name, invocation)
  const progress = new ProgressLine(context)
  let report: SimulationReport
  try {
    report = await run(progress)
  } finally {
    progress.end()
  }
  const text =
    format === 'json'
      ? `${printableJson(simulationJson(title, seed, report, recording), 2)}\n`
      : simulationReport(title, seed, report, { description, recording, context })
  context.out.write(text)
  return exitCodes.ok
}

/** What is simulated. */
interface ChosenSimulation {
  readonly title: string
  readonly description: string
  readonly seed: number
  /** What is played. */
  readonly recording: Recording | undefined
  readonly run: (progress: ProgressLine) => Promise<SimulationReport>
}

async function simulationOf(name: string | undefined, invocation: Invocation): Promise<ChosenSimulation> {
  const { context, options } = invocation
  const file = options.text('recording')
  const { scenario, loadBalancer } = name === undefined ? nothing(invocation) : await scenarioOf(name, invocation)
  const seed = options.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? 1
  if (file === undefined) {
    for (const flag of ['service', 'concurrency']) {
      if (options.has(flag)) throw new CommandError(`--${flag} needs --recording`, exitCodes.usage)
    }
    const size = sizeOf(options)
    const run = (progress: ProgressLine): Promise<SimulationReport> =>
      runScenario(withProgress(scenario, progress, context.signal), { ...size, seed, loadBalancer })
    return { title: name ?? '', description: scenario.description, seed, recording: undefined, run }
  }
  for (const flag of ['clients', 'instances', 'rate', 'utilisation']) {
    if (options.has(flag)) {
      throw new CommandError(`--${flag} must be absent beside --recording, which says it itself`, exitCodes.usage)
    }
  }
  const concurrency = options.integer('concurrency', 1, 1_000_000)
  const durationMs = options.durationMs('duration')
  const recording = await readRecordingFile(file, options.text('service'))
  const description = `${recording.calls} recorded calls of ${recording.service}. ${scenario.description}`.trim()
  const run = (progress: ProgressLine): Promise<SimulationReport> =>
    runSimulation({
      recording,
      seed,
      loadBalancer,
      ...(durationMs === undefined ? undefined : { durationMs }),
      instance: { ...scenario.instance, ...(concurrency === undefined ? undefined : { concurrency }) },
      script: withProgress(scenario, progress, context.signal).script,
    })
  return { title: name ?? file, description, seed, recording, run }
}

function sizeOf(options: Invocation['options']): ScenarioOptions {
  return {
    clients: options.integer('clients', 1, 100_000) ?? 10,
    instances: options.integer('instances', 1, 100_000) ?? 10,
    durationMs: options.durationMs('duration') ?? 20_000,
    callsPerSecond: options.number('rate', 0.001, 1_000_000) ?? 40,
    utilisation: options.number('utilisation', 0.001, 1) ?? 0.5,
  }
}

function listOfScenarios({ context }: Invocation, format: OutputFormat): string {
  const rows = Object.entries(scenarios).map(([scenario, { description }]) => ({ scenario, description }))
  if (format === 'json') return `${printableJson(rows, 2)}\n`
  const { bold } = stylesFor(context.out, context.env)
  const columns = [
    { title: 'SCENARIO', cell: (row: (typeof rows)[number]) => row.scenario },
    { title: 'WHAT HAPPENS', cell: (row: (typeof rows)[number]) => row.description },
  ]
  return textTable(columns, rows, { width: context.out.columns, heading: bold })
}

/** A scenario, and the options of the load balancers. */
interface ChosenScenario {
  readonly scenario: Scenario
  readonly loadBalancer: JsonObject & SimulationOptions['loadBalancer']
}

/** Nothing happens but what was recorded. */
function nothing(invocation: Invocation): ChosenScenario {
  return { scenario: { description: '', script: () => {} }, loadBalancer: loadBalancerOf({}, invocation) }
}

async function scenarioOf(name: string, invocation: Invocation): Promise<ChosenScenario> {
  const known = Object.entries(scenarios).find(([each]) => each === name)?.[1]
  if (known !== undefined) return { scenario: known, loadBalancer: loadBalancerOf({}, invocation) }
  if (!/\.json$|[/\\]/.test(name)) {
    const message = `there is no scenario ${JSON.stringify(name)}. Known are ${Object.keys(scenarios).join(', ')}, and .json files`
    throw new CommandError(message, exitCodes.usage)
  }
  const { loadBalancer, scenario } = await readSimulationFile(name)
  return { scenario, loadBalancer: loadBalancerOf(loadBalancer, invocation) }
}

function loadBalancerOf(given: JsonObject, { options }: Invocation): ChosenScenario['loadBalancer'] {
  const loadBalancer = {
    ...given,
    ...balancerOption(options),
    ...(options.has('no-outlier-detection') ? { outlierDetection: false } : undefined),
    ...(options.has('no-retry') ? { retry: false } : undefined),
  }
  if (!isLoadBalancerOptions(loadBalancer)) throw new CommandError('loadBalancer must be an object', exitCodes.usage)
  return loadBalancer
}

/** The scenario with timers that show how far it is, and end it when the command is stopped. They change nothing of what happens. */
function withProgress(scenario: Scenario, progress: ProgressLine, signal: AbortSignal): Scenario {
  return {
    ...scenario,
    script: (world) => {
      scenario.script(world)
      for (let step = 1; step <= steps; step++) {
        world.at((world.durationMs * step) / steps, () => {
          signal.throwIfAborted()
          progress.show(step / steps, `of ${world.durationMs / 1_000} s of virtual time`)
        })
      }
    },
  }
}
