import {
  runScenario,
  type Scenario,
  type ScenarioOptions,
  type SimulationReport,
  scenarios,
} from '@lb/testing/simulation'
import { balancerOption } from '../balancer-option.ts'
import type { CommandFunction, Invocation } from '../command-definition.ts'
import { CommandError } from '../command-error.ts'
import { exitCodes } from '../exit-code.ts'
import { type OutputFormat, outputFormat } from '../output-format.ts'
import { printableJson } from '../printable.ts'
import { ProgressLine } from '../progress-line.ts'
import { isLoadBalancerOptions, readSimulationFile } from '../simulation-file.ts'
import { simulationJson, simulationReport } from '../simulation-report.ts'
import { stylesFor } from '../text-style.ts'
import { textTable } from '../text-table.ts'

const steps = 100

/** `lb simulate`: a scenario in virtual time. */
export const simulate: CommandFunction = async (invocation) => {
  const { args, context } = invocation
  const [name] = args
  const format = outputFormat(invocation.options)
  if (name === undefined) {
    context.out.write(listOfScenarios(invocation, format))
    return exitCodes.ok
  }
  const { scenario, options } = await scenarioOf(name, invocation)
  const progress = new ProgressLine(context)
  let report: SimulationReport
  try {
    report = await runScenario(withProgress(scenario, progress, context.signal), options)
  } finally {
    progress.end()
  }
  const seed = options.seed ?? 1
  const text =
    format === 'json'
      ? `${printableJson(simulationJson(name, seed, report), 2)}\n`
      : simulationReport(name, seed, report, { description: scenario.description, context })
  context.out.write(text)
  return exitCodes.ok
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

async function scenarioOf(
  name: string,
  { options }: Invocation,
): Promise<{ readonly scenario: Scenario; readonly options: ScenarioOptions }> {
  const known = Object.entries(scenarios).find(([each]) => each === name)?.[1]
  const isFile = known === undefined && /\.json$|[/\\]/.test(name)
  if (known === undefined && !isFile) {
    const message = `there is no scenario ${JSON.stringify(name)}. Known are ${Object.keys(scenarios).join(', ')}, and .json files`
    throw new CommandError(message, exitCodes.usage)
  }
  const file = known === undefined ? await readSimulationFile(name) : undefined
  const loadBalancer = {
    ...file?.loadBalancer,
    ...balancerOption(options),
    ...(options.has('no-outlier-detection') ? { outlierDetection: false } : undefined),
    ...(options.has('no-retry') ? { retry: false } : undefined),
  }
  const scenario = known ?? file?.scenario
  if (scenario === undefined || !isLoadBalancerOptions(loadBalancer)) {
    throw new CommandError(`${name} holds no scenario`, exitCodes.usage)
  }
  return {
    scenario,
    options: {
      clients: options.integer('clients', 1, 100_000) ?? 10,
      instances: options.integer('instances', 1, 100_000) ?? 10,
      durationMs: options.durationMs('duration') ?? 20_000,
      callsPerSecond: options.number('rate', 0.001, 1_000_000) ?? 40,
      seed: options.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? 1,
      utilisation: options.number('utilisation', 0.001, 1) ?? 0.5,
      loadBalancer,
    },
  }
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
