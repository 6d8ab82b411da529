export type { CommandContext, TextOutput } from './command-context.ts'
export { type ExitCode, exitCodes } from './exit-code.ts'
export { runCli } from './run-cli.ts'
