import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Order } from './contender.ts'
import type { LoadOrder, LoadResult } from './load.ts'
import type { OutageOrder, Sent } from './paced-load.ts'

const program = fileURLToPath(new URL('contender.ts', import.meta.url))
const execArgv = ['--import', new URL('../one-undici.ts', import.meta.url).href]

/** A client under test, seen from the process that measures. */
export class ContenderProcess {
  readonly name: string
  readonly #child: ChildProcess
  readonly #died: Promise<never>

  static async start(name: string, backends: readonly string[]): Promise<ContenderProcess> {
    const contender = new ContenderProcess(name, fork(program, [name, ...backends], { stdio: 'inherit', execArgv }))
    await contender.#answer()
    return contender
  }

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
    this.#died = once(child, 'exit').then(() => {
      throw new Error(`${name} ended early`)
    })
    // After the last question nobody waits for it.
    this.#died.catch(() => {})
  }

  load(order: LoadOrder): Promise<LoadResult> {
    return this.#ask<LoadResult>({ load: order })
  }

  async startPaced(order: OutageOrder): Promise<void> {
    await this.#ask({ pace: order })
  }

  stopPaced(): Promise<readonly Sent[]> {
    return this.#ask<readonly Sent[]>({ stop: true })
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    await ended
  }

  #ask<T>(order: Order): Promise<T> {
    this.#child.send(order)
    return this.#answer() as Promise<T>
  }

  async #answer(): Promise<unknown> {
    const [{ answer }] = (await Promise.race([once(this.#child, 'message'), this.#died])) as [{ answer: unknown }]
    return answer
  }
}
