import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BackendBehaviour, BackendMessage } from './backend-behaviour.ts'
import type { Transport } from './transport.ts'

const programs: Readonly<Record<Transport, string>> = {
  http: fileURLToPath(new URL('./backend.ts', import.meta.url)),
  grpc: fileURLToPath(new URL('./grpc-backend.ts', import.meta.url)),
}

/** Those that run. A stopped process does not notice that its parent is gone. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A backend in a process of its own, that can be killed and started again on the same port, stopped, and steered. */
export class BackendProcess {
  readonly id: string
  readonly #program: string
  #child: ChildProcess | undefined
  #port = 0
  #isRegistered = false

  constructor(id: string, transport: Transport = 'http') {
    this.id = id
    this.#program = programs[transport]
  }

  get port(): number {
    return this.#port
  }

  /** Whether the registry lists it: from its start until it leaves by itself. */
  get isRegistered(): boolean {
    return this.#isRegistered
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = fork(this.#program, [this.id, String(this.#port)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#child = child
    running.add(child)
    child.once('exit', () => running.delete(child))
    const message = await this.#reply(child)
    if ('port' in message) this.#port = message.port
    this.#isRegistered = true
    child.on('message', (next: BackendMessage) => {
      if ('leaves' in next) this.#isRegistered = false
    })
  }

  /** SIGTERM: leaves the registry, finishes its requests and ends; another process takes its place, on another port. */
  async replace(): Promise<void> {
    const child = this.#child
    if (child === undefined) throw new Error(`backend ${this.id} does not run`)
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = await exited
    if (code !== 0) throw new Error(`backend ${this.id} ended with ${code}`)
    this.#port = 0
    await this.start()
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

  /** SIGSTOP: the system still accepts connections and takes requests, and nobody answers. */
  stop(): void {
    this.#child?.kill('SIGSTOP')
  }

  continue(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Resolves when it behaves so. A restart makes it healthy. */
  async behave(behaviour: BackendBehaviour): Promise<void> {
    const child = this.#child
    if (child === undefined) throw new Error(`backend ${this.id} does not run`)
    const reply = this.#reply(child)
    child.send(behaviour)
    await reply
  }

  async #reply(child: ChildProcess): Promise<BackendMessage> {
    const given = new AbortController()
    const { signal } = given
    try {
      const exited = once(child, 'exit', { signal }).then(() => {
        throw new Error(`backend ${this.id} on port ${this.#port} ended by itself`)
      })
      const [message] = await Promise.race([once(child, 'message', { signal }), exited])
      return message as BackendMessage
    } finally {
      given.abort()
    }
  }
}
