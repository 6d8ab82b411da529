import type { CommandContext } from './command-context.ts'
import type { ExitCode } from './exit-code.ts'
import type { GivenOptions } from './given-options.ts'
import type { Secrets } from './secrets.ts'

/** One flag of a command. */
export interface FlagDefinition {
  /** As in help: `-n, --requests <count>`; a value in brackets may be left out. */
  readonly flags: string
  /** What it means, its unit, its bounds and its default. */
  readonly description: string
  /** Heading in help. */
  readonly group: string
}

/** A command line that was read. */
export interface Invocation {
  /** The arguments, as many as the command has; those that may be left out and are, are absent. */
  readonly args: readonly string[]
  readonly options: GivenOptions
  readonly context: CommandContext
  readonly secrets: Secrets
}

/** Runs a command, to its exit code. */
export type CommandFunction = (invocation: Invocation) => Promise<ExitCode>

/** All that help, reference and parser know of a command. What it does is loaded when it runs. */
export interface CommandDefinition {
  readonly name: string
  /** As in help: `<service> [path]`. */
  readonly arguments: string
  readonly summary: string
  readonly description: string
  readonly flags: readonly FlagDefinition[]
  readonly examples: readonly (readonly [command: string, meaning: string])[]
  readonly load: () => Promise<CommandFunction>
}
