import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { NetworkNamespace } from './network-namespace.ts'
import { binary } from './server-binaries.ts'
import { stopProcess } from './stopped-process.ts'

/** How long a server may take to be ready, unless it says more: much longer than any does. */
const defaultReadyTimeoutMs = 20_000
/** For hooks that start up to three of them. */
export const startTimeoutMs: number = 3 * defaultReadyTimeoutMs + 1_000

interface Launch {
  readonly program: string
  readonly args: readonly string[]
  readonly isReady: () => Promise<unknown>
  readonly readyTimeoutMs: number
}

/** A folder for a server's files and the process that serves from it. `stop` ends and removes both. */
export class ServerProcess {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'lb-server-'))
  readonly #namespace: NetworkNamespace | undefined
  #launch: Launch | undefined
  #child: ChildProcess | undefined
  #log = ''

  /** `namespace`: where the process has its network; else that of the tests. */
  constructor(namespace?: NetworkNamespace) {
    this.#namespace = namespace
    running.add(this)
  }

  /** What it wrote on its standard output and error: the last 20 000 characters, those before a restart included. */
  get log(): string {
    return this.#log
  }

  get pid(): number {
    const child = this.#running
    if (child?.pid === undefined) throw new Error('the server does not run')
    return child.pid
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, text: string): string {
    const path = this.path(name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return path
  }

  /** Starts `program`, and waits until `isReady` resolves. */
  async start(
    program: string,
    args: readonly string[],
    isReady: () => Promise<unknown>,
    readyTimeoutMs: number = defaultReadyTimeoutMs,
  ): Promise<void> {
    this.#launch = { program, args, isReady, readyTimeoutMs }
    try {
      await this.restart()
    } catch (cause) {
      await this.stop()
      throw cause
    }
  }

  /** Starts the same program once more, with the same arguments, on the same folder. Kills it first when it runs. */
  async restart(): Promise<void> {
    if (this.#launch === undefined) throw new Error('the server was never started')
    await this.kill()
    const { program, args, isReady, readyTimeoutMs } = this.#launch
    const command = [...(this.#namespace?.command ?? []), binary(program), ...args]
    const child = spawn(command[0] ?? '', command.slice(1), { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    const closed = new Promise((resolve) => child.once('close', resolve))
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        this.#log = (this.#log + text.toString()).slice(-20_000)
      })
    }
    try {
      await eventually(isReady, readyTimeoutMs, () => this.#running === undefined)
    } catch (cause) {
      // What it wrote last can come after its end.
      if (this.#running === undefined) await closed
      throw new Error(`${program} did not become ready:\n${this.#log}`, { cause })
    }
  }

  /** The process stands still: it is there, but answers nothing. The system still takes connections for it. */
  pause(): void {
    if (this.#running !== undefined) stopProcess(this.#running)
  }

  resume(): void {
    this.#running?.kill('SIGCONT')
  }

  /** Ends the process as a crash would; folder and arguments stay for `restart`. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Asks the process to end (SIGTERM), which lets it say goodbye to its clients; waits until it has. */
  terminate(): Promise<void> {
    return this.#end('SIGTERM')
  }

  async stop(): Promise<void> {
    // Nothing of what it writes is needed any more.
    await this.kill()
    this.remove()
  }

  /** What `stop` does, without waiting: for the exit of the process that runs the tests. */
  remove(): void {
    this.#running?.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
    running.delete(this)
  }

  get #running(): ChildProcess | undefined {
    const child = this.#child
    return child?.exitCode === null && child.signalCode === null ? child : undefined
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#running
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

const running = new Set<ServerProcess>()
process.once('exit', () => {
  for (const server of running) server.remove()
})

/** Calls `check` until it resolves; at the end of the time its last failure is thrown. */
async function eventually(check: () => Promise<unknown>, timeoutMs: number, hasEnded: () => boolean): Promise<void> {
  const end = performance.now() + timeoutMs
  for (;;) {
    try {
      await check()
      return
    } catch (cause) {
      if (performance.now() > end || hasEnded()) throw cause
    }
    await delay(20)
  }
}
