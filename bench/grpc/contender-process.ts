import { AskedProcess } from '../asked-process.ts'
import { type ContenderKind, nameOf } from './contenders.ts'
import type { LoadOrder, LoadResult } from './load.ts'

const program = new URL('contender.ts', import.meta.url)

/** A client in a process of its own, as applications have one: no turn collects the garbage of another client. */
export class ContenderProcess {
  readonly name: string
  readonly #process: AskedProcess

  static async start(kind: ContenderKind, addresses: readonly string[]): Promise<ContenderProcess> {
    const name = nameOf(kind)
    return new ContenderProcess(name, await AskedProcess.start(name, program, [JSON.stringify(kind), ...addresses]))
  }

  private constructor(name: string, process: AskedProcess) {
    this.name = name
    this.#process = process
  }

  load(order: LoadOrder): Promise<LoadResult> {
    return this.#process.ask<LoadResult>(order)
  }

  close(): Promise<void> {
    return this.#process.close()
  }
}
