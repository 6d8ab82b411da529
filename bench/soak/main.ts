/**
 * Memory, sockets and listeners over a long time at full load: `pnpm bench:soak`. It runs the built packages, as users get them,
 * so `pnpm build` comes first; on Linux, where sockets are counted. `--seconds` takes longer or shorter, `--quick` 20 s;
 * `--write` writes `bench/results/soak.md`. Ends with 1 when a target is missed.
 */
import { parseArgs } from 'node:util'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import { report, targets } from './report.ts'
import { soak } from './soak.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds ?? (values.quick ? 20 : 300))
const found = await soak({
  seconds,
  // Until the compiler has seen everything.
  warmUpSeconds: Math.min(60, seconds / 3),
  everySeconds: Math.min(30, seconds / 6),
  workersEach: 24,
})
const text = report(found)
console.log(text)
if (values.write) await writeResult('soak', text)
judge(targets(found))
