/** A stream of text. */
export interface TextOutput {
  /** Writes `text` as it is. */
  write(text: string): void
  /** Whether a person looks at it, and not a pipe or a file. */
  readonly isTerminal: boolean
  /** The width of the terminal; `undefined` if it is none. */
  readonly columns?: number | undefined
  /** The height of the terminal; `undefined` if it is none. */
  readonly rows?: number | undefined
}

/** What a command reads and writes: the process, or a test in its place. */
export interface CommandContext {
  /** Standard output: data, and nothing else. */
  readonly out: TextOutput
  /** Standard error: progress, warnings and errors. */
  readonly err: TextOutput
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted when the command is to end: by Ctrl-C, or because its output is not read any more. */
  readonly signal: AbortSignal
  /** The time of day, in ISO 8601. */
  readonly timestamp: () => string
  /** Has `signal` aborted as soon as the output is not read any more, for a command that may have nothing to write for long. */
  readonly watchReader?: (() => void) | undefined
}
