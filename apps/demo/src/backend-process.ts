import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./backend.ts', import.meta.url))

/** A backend in a process of its own, that can be killed and started again on the same port. */
export class BackendProcess {
  readonly id: string
  readonly weight: number
  #child: ChildProcess | undefined
  #port = 0

  constructor(id: string, weight: number) {
    this.id = id
    this.weight = weight
  }

  get port(): number {
    return this.#port
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = fork(program, [this.id, String(this.#port)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#child = child
    const exited = once(child, 'exit').then(() => {
      throw new Error(`backend ${this.id} ended before it listened on port ${this.#port}`)
    })
    const [message] = await Promise.race([once(child, 'message'), exited])
    this.#port = (message as { port: number }).port
  }

  /** SIGKILL: no chance to finish anything. Resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}
