import { AskedProcess } from '../asked-process.ts'
import type { Order } from './contender.ts'
import type { LoadOrder, LoadResult } from './load.ts'
import type { OutageOrder, Sent } from './paced-load.ts'

const program = new URL('contender.ts', import.meta.url)
const execArgv = ['--import', new URL('../one-undici.ts', import.meta.url).href]

/** A client under test, seen from the process that measures. */
export class ContenderProcess {
  readonly name: string
  readonly #process: AskedProcess

  static async start(name: string, backends: readonly string[]): Promise<ContenderProcess> {
    return new ContenderProcess(name, await AskedProcess.start(name, program, [name, ...backends], execArgv))
  }

  private constructor(name: string, process: AskedProcess) {
    this.name = name
    this.#process = process
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

  close(): Promise<void> {
    return this.#process.close()
  }

  #ask<T>(order: Order): Promise<T> {
    return this.#process.ask<T>(order)
  }
}
