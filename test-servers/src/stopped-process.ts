import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Longer than any process takes that is not held up by a disk. */
const limitMs = 10_000

/**
 * Stops `child` with SIGSTOP, and returns when all of its threads stand. The signal alone is not enough on a busy machine: a thread that
 * waits for a disk or a processor stands only after that, and may still respond.
 */
export function stopProcess(child: ChildProcess): void {
  if (child.pid === undefined || !child.kill('SIGSTOP')) return
  const untilMs = performance.now() + limitMs
  while (!isStopped(child.pid) && performance.now() < untilMs)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
}

/** By what Linux says of its threads; true where there is no such thing, or no such process. */
function isStopped(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) => {
      // The name of the program, in brackets, may hold anything; the state follows it.
      const [state] = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(') ').at(-1) ?? ''
      return state === 'T' || state === 'Z'
    })
  } catch {
    return true
  }
}
