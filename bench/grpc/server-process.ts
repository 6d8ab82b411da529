import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ServersMessage } from './servers.ts'

/** Servers in a process of their own. */
export class ServerProcess {
  readonly ports: readonly number[]
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, ports: readonly number[]) {
    this.#child = child
    this.ports = ports
  }

  static async start(count: number): Promise<ServerProcess> {
    const child = fork(fileURLToPath(new URL('servers.ts', import.meta.url)), [String(count)])
    const [message]: { readonly ports: readonly number[] }[] = await once(child, 'message')
    return new ServerProcess(child, message?.ports ?? [])
  }

  get addresses(): readonly string[] {
    return this.ports.map((port) => `127.0.0.1:${port}`)
  }

  async tell(message: ServersMessage): Promise<void> {
    const done = once(this.#child, 'message')
    this.#child.send(message)
    await done
  }

  stop(): void {
    this.#child.kill()
  }
}
