import { CommanderError } from 'commander'
import type { CommandContext } from './command-context.ts'
import { CommandError, Stopped } from './command-error.ts'
import { commandList } from './command-list.ts'
import { type ExitCode, exitCodes } from './exit-code.ts'
import { explain } from './explain-error.ts'
import { printable } from './printable.ts'
import { type ParsedCommand, programOf } from './program.ts'
import { Secrets } from './secrets.ts'
import { stylesFor } from './text-style.ts'
import { version } from './version.ts'

/** How long a command may take to close everything after it was stopped, in milliseconds. */
const stopLimitMs = 2_000

/**
 * Runs one command line, such as `['resolve', 'user-service', '--consul']`, and resolves with its exit code. Errors are written to
 * `context.err`, each in one line with a remedy. It never rejects.
 */
export async function runCli(argv: readonly string[], context: CommandContext): Promise<ExitCode> {
  const secrets = secretsOf(argv, context.env)
  const guarded: CommandContext = { ...context, out: secrets.guard(context.out), err: secrets.guard(context.err) }
  try {
    const parsed = parse(argv, guarded)
    return parsed === undefined ? exitCodes.ok : await untilStopped(parsed, guarded, secrets)
  } catch (error) {
    if (error instanceof Stopped) return error.exitCode
    return report(error, argv, guarded)
  }
}

/** Variables that hold a token or a password, whether a command reads them or not. */
const secretVariables = ['LB_TOKEN', 'LB_PASSWORD', 'CONSUL_HTTP_TOKEN']

function secretsOf(argv: readonly string[], env: CommandContext['env']): Secrets {
  const secrets = new Secrets()
  for (const name of secretVariables) secrets.add(env[name]?.trim())
  secrets.add(env.CONSUL_HTTP_AUTH?.replace(/^[^:]*:/, ''))
  const urls = [
    ...argv.flatMap((argument) => argument.replace(/^--[\w-]+=/, '').split(',')),
    env.CONSUL_HTTP_ADDR ?? '',
  ]
  for (const url of urls) secrets.addUrl(url.trim())
  return secrets
}

function parse(argv: readonly string[], { out }: CommandContext): ParsedCommand | undefined {
  let parsed: ParsedCommand | undefined
  const program = programOf(version, { out: (text) => out.write(text), columns: out.columns }, (command) => {
    parsed = command
  })
  try {
    if (argv.length === 0) throw new CommandError(`a command is missing. Known are ${names()}`, exitCodes.usage)
    program.parse([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) throw new CommandError(usageMessage(error, argv), exitCodes.usage)
  }
  return parsed
}

function names(): string {
  return commandList.map(({ name }) => name).join(', ')
}

/** Commander's message in one line, without a value that stands behind a flag that is not known: it may be a secret. */
function usageMessage({ message }: CommanderError, argv: readonly string[]): string {
  const line = message
    .replace(/^error: /, '')
    .replace(/(unknown option '--?[\w-]+)=[^']*'/, "$1'")
    .replace(/\s*\n\((.*)\)$/, '. $1')
  const [command = ''] = argv
  const isKnown = commandList.some(({ name }) => name === command)
  const eaten = isKnown && /missing required argument/.test(line) ? ' Flags with an optional value come last.' : ''
  return `${line}${/[.?]$/.test(line) ? '' : '.'}${eaten} See: lb ${isKnown ? `${command} ` : ''}--help`
}

async function untilStopped(parsed: ParsedCommand, context: CommandContext, secrets: Secrets): Promise<ExitCode> {
  const { signal } = context
  const { definition, args, options } = parsed
  signal.throwIfAborted()
  const running = definition.load().then((command) => command({ args, options, context, secrets }))
  let isOver = false
  const left = new Promise<never>((_, reject) => {
    const leave = (): void => {
      if (isOver) return
      context.err.write('lb: not everything could be closed in time\n')
      reject(signal.reason)
    }
    const stop = (): void => AbortSignal.timeout(stopLimitMs).addEventListener('abort', leave, { once: true })
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    const code = await Promise.race([running, left])
    signal.throwIfAborted()
    return code
  } catch (error) {
    // Whatever the command made of it: it was stopped.
    signal.throwIfAborted()
    throw error
  } finally {
    isOver = true
  }
}

function report(error: unknown, argv: readonly string[], { err, env }: CommandContext): ExitCode {
  const { message, exitCode } = explain(error)
  err.write(`${stylesFor(err, env).red('lb:')} ${printable(message, 1_000)}\n`)
  if (argv.includes('--debug')) err.write(`${stacks(error)}\n`)
  return exitCode
}

function stacks(error: unknown): string {
  const lines: string[] = []
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++) {
    const stack = cause.stack ?? cause.message
    lines.push(...`${depth === 0 ? '' : 'Caused by: '}${stack}`.split('\n').map((line) => printable(line)))
  }
  return lines.join('\n')
}
