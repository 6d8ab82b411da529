import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
// V8 drops the code of a start-up some time after it; that would look like a heap that shrinks by a quarter.
setFlagsFromString('--no-flush-bytecode')
const collectGarbage = runInNewContext('gc') as () => void

/** Part of the first sample that a later one may differ by. */
export const heapTolerance = 0.1

/** Bytes of the JavaScript heap in use after a full collection. Stops the process for some milliseconds. */
export function heapInUse(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** Largest difference from the first sample, as a part of it; `undefined` when there are too few to tell. */
export function heapDrift(samples: readonly number[]): number | undefined {
  const [first, ...later] = samples
  if (first === undefined || later.length === 0) return undefined
  return later.reduce((worst, each) => {
    const drift = each / first - 1
    return Math.abs(drift) > Math.abs(worst) ? drift : worst
  }, 0)
}
