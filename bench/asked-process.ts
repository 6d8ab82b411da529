import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A process that does what it is asked, one thing after the other. Its program calls `obeyParent`. */
export class AskedProcess {
  readonly #child: ChildProcess
  readonly #died: Promise<never>

  /** `name`: what the error says when it ends early. */
  static async start(
    name: string,
    program: URL,
    args: readonly string[],
    execArgv?: readonly string[],
  ): Promise<AskedProcess> {
    const options = execArgv === undefined ? {} : { execArgv: [...execArgv] }
    const asked = new AskedProcess(name, fork(fileURLToPath(program), [...args], { stdio: 'inherit', ...options }))
    await asked.#answer()
    return asked
  }

  private constructor(name: string, child: ChildProcess) {
    this.#child = child
    this.#died = once(child, 'exit').then(() => {
      throw new Error(`${name} ended early`)
    })
    // After the last question nobody waits for it.
    this.#died.catch(() => {})
  }

  ask<T>(order: object): Promise<T> {
    this.#child.send(order)
    return this.#answer() as Promise<T>
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    await ended
  }

  async #answer(): Promise<unknown> {
    const [{ answer }] = (await Promise.race([once(this.#child, 'message'), this.#died])) as [{ answer: unknown }]
    return answer
  }
}

/** Answers what the parent asks, until the parent leaves. A failure ends the process, which the parent sees. */
export function obeyParent<Order>(obey: (order: Order) => Promise<unknown>): void {
  process.on('message', (order: Order) => {
    void obey(order).then((answer) => process.send?.({ answer }))
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ answer: 'ready' })
}
