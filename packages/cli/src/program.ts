import { Command, Option } from 'commander'
import type { CommandDefinition } from './command-definition.ts'
import { commandList } from './command-list.ts'
import { exitCodeMeanings } from './exit-code.ts'
import { GivenOptions } from './given-options.ts'

/** What the parser found to do. */
export interface ParsedCommand {
  readonly definition: CommandDefinition
  readonly args: readonly string[]
  readonly options: GivenOptions
}

/** What the parser writes: help and version on `out`. */
interface ParserOutput {
  readonly out: (text: string) => void
  readonly columns: number | undefined
}

const description = 'Client-side load balancing from the command line: instances, calls, gateways, simulations.'
const debug = { flags: '--debug', description: 'show the stack of an error', group: 'Output' }

/** The commands and their flags, as commander reads them. `found` is called with the one that is to run. */
export function programOf(version: string, output: ParserOutput, found: (command: ParsedCommand) => void): Command {
  const program = configured(new Command('lb'), output)
    .description(description)
    .version(version, '-v, --version', 'print the version')
    .usage('<command> [options]')
    .addHelpText('after', `\n${exitCodesText()}\n\nEach command has examples: lb <command> --help`)
  for (const definition of commandList) program.addCommand(commandOf(definition, output, found))
  return program
}

function commandOf(
  definition: CommandDefinition,
  output: ParserOutput,
  found: (command: ParsedCommand) => void,
): Command {
  const command = configured(new Command(definition.name), output)
    .summary(definition.summary)
    .description(definition.description)
    .addHelpText('after', `\n${examplesText(definition)}`)
  if (definition.arguments !== '') command.arguments(definition.arguments)
  for (const { flags, description: meaning, group } of [...definition.flags, debug]) {
    const option = new Option(flags, meaning).helpGroup(`${group}:`)
    // Every value counts, and as it is written.
    if (option.required || option.optional) option.argParser(appended)
    command.addOption(option)
  }
  return command.action(() => {
    found({ definition, args: command.args, options: givenOptions(command) })
  })
}

function configured(command: Command, { out, columns }: ParserOutput): Command {
  return command
    .exitOverride()
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ helpWidth: Math.max(40, columns ?? 100), showGlobalOptions: false })
    .configureOutput({ writeOut: out, writeErr: () => {}, outputError: () => {}, getOutHasColors: () => false })
}

function appended(value: string, before: unknown): readonly string[] {
  return [...(Array.isArray(before) ? before : []), value]
}

/** Only what is on the command line: defaults are those of the commands. */
function givenOptions(command: Command): GivenOptions {
  const values = new Map<string, readonly string[] | boolean>()
  for (const option of command.options) {
    const attribute = option.attributeName()
    if (command.getOptionValueSource(attribute) !== 'cli') continue
    const value: unknown = command.getOptionValue(attribute)
    values.set(option.long?.replace(/^--/, '') ?? '', Array.isArray(value) ? value.map(String) : true)
  }
  return new GivenOptions(values)
}

/** The examples of a command, as in its help. */
function examplesText({ examples }: CommandDefinition): string {
  return ['Examples:', ...examples.map(([command, meaning]) => `  $ ${command}\n      ${meaning}`)].join('\n')
}

/** The exit codes, as in help. */
function exitCodesText(): string {
  return ['Exit codes:', ...exitCodeMeanings.map(([code, meaning]) => `  ${`${code}`.padEnd(5)}${meaning}`)].join('\n')
}
