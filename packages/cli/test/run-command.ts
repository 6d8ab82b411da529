import { type CommandContext, type ExitCode, runCli } from '../src/index.ts'

/** What a command wrote, and how it ended. */
export interface Run {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly env?: CommandContext['env']
  /** The width of the terminal; `undefined`: it is a pipe. */
  readonly columns?: number
  readonly signal?: AbortSignal
  /** Called with all of standard output so far, after each write. */
  readonly onOutput?: (out: string) => void
  /** The same of standard error. */
  readonly onError?: (err: string) => void
}

/** Runs one command line in this process. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { env = {}, columns, signal = new AbortController().signal, onOutput, onError } = options
  let out = ''
  let err = ''
  const isTerminal = columns !== undefined
  const code = await runCli(argv, {
    out: {
      write: (text) => {
        out += text
        onOutput?.(out)
      },
      isTerminal,
      columns,
      rows: isTerminal ? 24 : undefined,
    },
    err: {
      write: (text) => {
        err += text
        onError?.(err)
      },
      isTerminal,
      columns,
    },
    env,
    signal,
    timestamp: () => '2026-11-30T03:00:00.000Z',
  })
  return { code, out, err }
}

/** The words of a command line without quotes. */
export function words(line: string): string[] {
  return line.split(' ').filter((word) => word !== '')
}
