import type { WriteStream } from 'node:tty'
import type { CommandContext, TextOutput } from './command-context.ts'
import { Stopped } from './command-error.ts'
import { type ExitCode, exitCodes } from './exit-code.ts'
import { watchReader } from './reader-watch.ts'

/** The longest that a timer of Node can be, in milliseconds. */
const longestTimerMs = 2 ** 31 - 1

/** The process as the context of a command, and how it ends. */
export function processContext(): { readonly context: CommandContext; readonly end: (code: ExitCode) => void } {
  const controller = new AbortController()
  const stop = (message: string, code: ExitCode) => (): void => {
    // The second signal does not wait.
    if (controller.signal.aborted) process.exit(code)
    controller.abort(new Stopped(message, code))
  }
  process.on('SIGINT', stop('interrupted', exitCodes.interrupted))
  process.on('SIGTERM', stop('terminated', exitCodes.terminated))
  const readerGone = (): void => controller.abort(new Stopped('the output is not read any more', exitCodes.ok))
  let failure: ExitCode | undefined
  const writeFailed = (error: Error): void => {
    if (failure !== undefined) return
    if ('code' in error && error.code === 'EPIPE') {
      readerGone()
      return
    }
    failure = exitCodes.failed
    process.stderr.write(`lb: the output cannot be written: ${error.message}\n`)
    controller.abort(new Stopped(error.message, failure))
  }
  process.stderr.on('error', readerGone)
  process.stdout.on('error', writeFailed)
  // Watches of discoveries keep no process alive; the command does.
  const alive = setInterval(() => {}, longestTimerMs)
  const context: CommandContext = {
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    env: process.env,
    signal: controller.signal,
    timestamp: () => new Date().toISOString(),
    watchReader: () => watchReader(process.stdout.fd, readerGone),
  }
  // What is written is flushed first; what a command left open does not keep the process.
  const end = (code: ExitCode): void => {
    clearInterval(alive)
    process.stdout.write('', (error) => {
      if (error) writeFailed(error)
      process.exit(failure ?? code)
    })
  }
  return { context, end }
}

/** What is written to `stream`. A terminal that does not know its size says 0, which is no size. */
export function outputOf(stream: Pick<WriteStream, 'write' | 'isTTY' | 'columns' | 'rows'>): TextOutput {
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || undefined
    },
    get rows() {
      return stream.rows || undefined
    },
  }
}
