import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { binary } from './server-binaries.ts'

/** How long a server may take to be ready: much longer than any does. */
const readyTimeoutMs = 8_000
/** For hooks that start up to three of them. */
export const startTimeoutMs: number = 3 * readyTimeoutMs + 1_000

/** A folder for a server's files and the process that serves from it. `stop` ends and removes both. */
export class ServerProcess {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'lb-dns-srv-'))
  #child: ChildProcess | undefined
  #log = ''

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, text: string): string {
    const path = this.path(name)
    writeFileSync(path, text)
    return path
  }

  /** Starts `program`, and waits until `isReady` resolves. */
  async start(program: string, args: readonly string[], isReady: () => Promise<unknown>): Promise<void> {
    const child = spawn(binary(program), args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    process.once('exit', this.#kill)
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        this.#log = (this.#log + text.toString()).slice(-20_000)
      })
    }
    try {
      await vi.waitFor(isReady, { timeout: readyTimeoutMs, interval: 20 })
    } catch (cause) {
      const log = this.#log
      await this.stop()
      throw new Error(`${program} did not become ready:\n${log}`, { cause })
    }
  }

  /** The process stands still: it is there, but answers nothing. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      this.#kill()
      await ended
    }
    process.removeListener('exit', this.#kill)
    rmSync(this.folder, { recursive: true, force: true })
  }

  // Nothing of what they write is needed any more.
  readonly #kill = (): void => {
    this.#child?.kill('SIGKILL')
  }
}
