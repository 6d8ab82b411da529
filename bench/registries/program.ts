import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a program of the bench can be asked: names, and for each what goes there and comes back. Both are JSON. */
type Questions<T> = { readonly [Name in keyof T]: (argument: never) => Promise<unknown> }

interface Asked {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Answered {
  readonly id: number
  readonly answer?: unknown
  readonly failure?: string
}

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (cause: Error) => void
}

/** A program in a process of its own, so that only what it does is measured there. */
export class Program<T extends Questions<T>> {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0

  /** `file`: a file beside this one that calls `answerQuestions`. */
  constructor(file: string) {
    const program = fileURLToPath(new URL(file, import.meta.url))
    this.#child = fork(program, { execArgv: ['--expose-gc'] })
    this.#child.on('message', ({ id, answer, failure }: Answered) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (failure === undefined) waiting?.resolve(answer)
      else waiting?.reject(new Error(`${file}: ${failure}`))
    })
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} ended with ${code}`))
    })
  }

  ask<Name extends keyof T & string>(name: Name, argument: Parameters<T[Name]>[0]): ReturnType<T[Name]> {
    const id = this.#asked++
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    this.#child.send({ id, name, argument } satisfies Asked)
    return answer as ReturnType<T[Name]>
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    await ended
  }
}

/** Answers its parent until that is gone. */
export function answerQuestions<T extends Questions<T>>(questions: T): void {
  process.on('message', ({ id, name, argument }: Asked) => {
    questions[name as keyof T](argument as never).then(
      (answer) => process.send?.({ id, answer } satisfies Answered),
      (cause: unknown) => process.send?.({ id, failure: String(cause) } satisfies Answered),
    )
  })
  process.on('disconnect', () => process.exit())
}
