import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FromServer, ServedService, ToServer } from './name-server.ts'

const program = fileURLToPath(new URL('./name-server.ts', import.meta.url))

/** The server, seen from the process that measures. */
export class NameServerProcess {
  readonly address: string
  readonly #child: ChildProcess

  static async start(): Promise<NameServerProcess> {
    const child = fork(program)
    const [message] = (await once(child, 'message')) as [FromServer]
    if (!('port' in message)) throw new Error('the server did not say its port')
    return new NameServerProcess(child, `127.0.0.1:${message.port}`)
  }

  private constructor(child: ChildProcess, address: string) {
    this.#child = child
    this.address = address
  }

  /** Adds or replaces services. Resolves when the server has them. */
  async serve(...services: readonly ServedService[]): Promise<void> {
    await this.#ask({ serve: services })
  }

  /** How many queries it got so far. */
  async queries(): Promise<number> {
    const answer = await this.#ask({ count: true })
    return 'queries' in answer ? answer.queries : Number.NaN
  }

  stop(): void {
    this.#child.disconnect()
  }

  // One at a time: answers come in order.
  #last: Promise<unknown> = Promise.resolve()
  #ask(message: ToServer): Promise<FromServer> {
    const asked = this.#last.then(async () => {
      this.#child.send(message)
      const [answer] = (await once(this.#child, 'message')) as [FromServer]
      return answer
    })
    this.#last = asked
    return asked
  }
}
