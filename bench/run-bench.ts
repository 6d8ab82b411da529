import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Bench } from './benches.ts'
import type { Target } from './target.ts'

export interface BenchRun {
  readonly name: string
  readonly seconds: number
  readonly report: string
  readonly targets: readonly Target[]
  /** `null` when a signal ended it. */
  readonly exitCode?: number | null
  /** Why it was left out. */
  readonly notRun?: string
}

/** In a process of its own, so that none is measured with what another has left. Its progress goes to standard error. */
export async function runBench({ name, nodeOptions = [] }: Bench, options: readonly string[]): Promise<BenchRun> {
  const program = fileURLToPath(new URL(`${name}/main.ts`, import.meta.url))
  const startMs = performance.now()
  const child = spawn(process.execPath, [...nodeOptions, program, ...options], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  let targets: readonly Target[] = []
  child.on('message', (message) => {
    targets = message as readonly Target[]
  })
  const ended = once(child, 'close')
  if (child.stdout === null) throw new Error('the output of the bench is a pipe')
  const report = await text(child.stdout)
  const [exitCode] = (await ended) as [number | null]
  return { name, seconds: (performance.now() - startMs) / 1_000, report, targets, exitCode }
}
