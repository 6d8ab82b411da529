import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const program = fileURLToPath(new URL('../src/lb.ts', import.meta.url))

/** `lb` in a process of its own, with pipes. */
export class LbProcess {
  readonly child: ChildProcess
  out = ''
  err = ''
  readonly #exit: Promise<number | null>

  constructor(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [program, ...argv], { env: { PATH: process.env.PATH, ...env } })
    this.child.stdout?.on('data', (data) => {
      this.out += data
    })
    this.child.stderr?.on('data', (data) => {
      this.err += data
    })
    onTestFinished(() => void this.child.kill('SIGKILL'))
    this.#exit = once(this.child, 'close').then(([code]: (number | null)[]) => code ?? null)
  }

  /** Resolves with its exit code. */
  get exitCode(): Promise<number | null> {
    return this.#exit
  }
}
