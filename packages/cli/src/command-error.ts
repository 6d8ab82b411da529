import { type ExitCode, exitCodes } from './exit-code.ts'

/** Ends a command: one line with a remedy, and the exit code. */
export class CommandError extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode = exitCodes.failed, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandError'
    this.exitCode = exitCode
  }
}

/** The command line is wrong: the message names the flag or argument, the value, and the remedy. */
export function usageError(what: string, legal: string, given: string, remedy?: string): CommandError {
  const advice = remedy === undefined ? '' : `. ${remedy}`
  return new CommandError(`${what} must be ${legal}, got ${JSON.stringify(given)}${advice}`, exitCodes.usage)
}

/** Why a command is to end before it is done: the process got a signal, or its output is not read any more. */
export class Stopped extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode) {
    super(message)
    this.name = 'Stopped'
    this.exitCode = exitCode
  }
}
