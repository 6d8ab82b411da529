import { readFile, stat } from 'node:fs/promises'
import type {
  InstanceBehaviour,
  RegistryMode,
  Scenario,
  SimulationOptions,
  SimulationWorld,
} from '@lb/testing/simulation'
import { CommandError } from './command-error.ts'
import { exitCodes } from './exit-code.ts'
import { isJsonObject, type JsonObject, numberIn, objectIn, objectsIn, textIn } from './json-fields.ts'
import { printable } from './printable.ts'

const maxBytes = 1_048_576
const fileKeys = ['description', 'instance', 'loadBalancer', 'events']
const eventKeys = ['at', 'instances', 'behaviour', 'action', 'count', 'registry']
const actions = ['crash', 'unlist', 'list'] as const
const modes: readonly RegistryMode[] = ['answering', 'failing', 'away']

/** A scenario of a file, and the options of its load balancers. */
export interface FileScenario {
  readonly scenario: Scenario
  readonly loadBalancer: JsonObject
}

/**
 * Reads a scenario: `{ "description", "instance", "loadBalancer", "events" }`, all of which may be left out. An event has `at`, a fraction
 * of the duration, and `instances`, their numbers, with a `behaviour` or an `action`; or `action: "start"` and `count`; or `registry`.
 */
export async function readSimulationFile(path: string): Promise<FileScenario> {
  const content = await contentOf(path)
  checkKeys(path, 'the scenario', content, fileKeys)
  const events = objectsIn(content, 'events').map((event, index) => eventOf(path, index, event))
  return {
    scenario: {
      description: textIn(content, 'description') || path,
      ...(isBehaviour(content.instance) ? { instance: content.instance } : undefined),
      script: (world) => {
        for (const { at, run } of events) world.at(at * world.durationMs, () => run(world))
      },
    },
    loadBalancer: objectIn(content, 'loadBalancer'),
  }
}

async function contentOf(path: string): Promise<JsonObject> {
  let text: string
  try {
    if ((await stat(path)).size > maxBytes) throw wrong(path, `is larger than ${maxBytes} bytes`)
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    throw new CommandError(`the file ${printable(path)} cannot be read`, exitCodes.usage, { cause })
  }
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw new CommandError(`the file ${printable(path)} is no JSON`, exitCodes.usage, { cause })
  }
  if (!isJsonObject(content)) throw wrong(path, 'must hold an object')
  return content
}

interface ScenarioEvent {
  /** A fraction of the duration, from 0 to 1. */
  readonly at: number
  readonly run: (world: SimulationWorld) => void
}

function eventOf(path: string, index: number, event: JsonObject): ScenarioEvent {
  const where = `events[${index}]`
  checkKeys(path, where, event, eventKeys)
  const at = numberIn(event, 'at')
  if (at === undefined || at < 0 || at > 1) throw wrong(path, `${where}.at must be a fraction of the duration, 0 to 1`)
  const mode = modes.find((each) => each === event.registry)
  if (mode !== undefined) return { at, run: ({ fleet }) => fleet.registry.turn(mode) }
  if (event.registry !== undefined) throw wrong(path, `${where}.registry must be one of ${modes.join(', ')}`)
  if (event.action === 'start') return { at, run: starting(path, where, event) }
  return { at, run: changing(path, where, event) }
}

function starting(path: string, where: string, { count = 1, behaviour = {} }: JsonObject): ScenarioEvent['run'] {
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > 100_000) {
    throw wrong(path, `${where}.count must be an integer in [1, 100000]`)
  }
  if (!isBehaviour(behaviour)) throw wrong(path, `${where}.behaviour must be an object`)
  return ({ fleet }) => fleet.list(fleet.start(count, behaviour))
}

function changing(path: string, where: string, event: JsonObject): ScenarioEvent['run'] {
  const { behaviour } = event
  const action = actions.find((each) => each === event.action)
  const numbers = Array.isArray(event.instances) ? event.instances : []
  if (numbers.length === 0 || !numbers.every((each) => Number.isInteger(each) && each >= 0)) {
    throw wrong(path, `${where}.instances must be an array of numbers, from 0 in the order of their start`)
  }
  if (event.action !== undefined && action === undefined) {
    throw wrong(path, `${where}.action must be one of start, ${actions.join(', ')}`)
  }
  if (action === undefined && !isBehaviour(behaviour)) throw wrong(path, `${where} must have a behaviour or an action`)
  return ({ fleet }) => {
    const chosen = fleet.all.filter((_, index) => numbers.includes(index))
    if (chosen.length < new Set(numbers).size) {
      throw wrong(
        path,
        `${where}.instances must be below ${fleet.all.length}, the number of instances that were started`,
      )
    }
    if (isBehaviour(behaviour)) for (const instance of chosen) instance.behave(behaviour)
    if (action === 'crash') for (const instance of chosen) instance.crash()
    if (action === 'list') fleet.list(chosen)
    if (action === 'unlist') fleet.unlist(chosen)
  }
}

/** What is in it is checked by the simulator, which names the field. */
function isBehaviour(value: unknown): value is InstanceBehaviour {
  return isJsonObject(value)
}

/** What is in it is checked by the load balancer, which names the option. */
export function isLoadBalancerOptions(value: JsonObject): value is JsonObject & SimulationOptions['loadBalancer'] {
  return isJsonObject(value)
}

function checkKeys(path: string, where: string, value: JsonObject, known: readonly string[]): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown === undefined) return
  throw wrong(path, `${where} must have no field ${printable(unknown, 40)}. Known are ${known.join(', ')}`)
}

function wrong(path: string, problem: string): CommandError {
  return new CommandError(`the file ${printable(path)}: ${problem}`, exitCodes.usage)
}
