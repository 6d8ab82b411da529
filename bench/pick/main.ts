/**
 * What a pick costs, beside the floor and beside the pickers of other packages, and what `acquire` and updates cost:
 * `pnpm bench:pick`, or with `--quick` in fewer and shorter rounds without the longest lists. It measures the built package,
 * as users get it, so `pnpm --filter @lb/core build` comes first. `--write` writes `bench/results/pick.md`. Ends with 1
 * when a target is missed.
 */
import { parseArgs } from 'node:util'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import { measureAcquire } from './acquire-cost.ts'
import { type Allocation, measureAllocation } from './allocations.ts'
import { allocating, contenders } from './contenders.ts'
import { type Cell, type MeasureOptions, measure } from './measure.ts'
import { report } from './report.ts'
import { judgeTargets } from './targets.ts'
import { measureUpdates, type UpdateCost } from './update-cost.ts'

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
})
const { quick } = values
const counts: readonly number[] = quick ? [3, 10, 100, 1_000] : [3, 10, 100, 1_000, 10_000]
const options: MeasureOptions = quick ? { rounds: 4, roundMs: 10 } : { rounds: 11, roundMs: 50 }

const cells: Cell[] = await measure(contenders, counts, options, (count) => {
  console.error(`picking among ${count} instances`)
})

console.error('updating')
const updates: UpdateCost[] = await measureUpdates(10_000, quick ? 6 : 40)
if (!quick) updates.push(...(await measureUpdates(100_000, 10)))

console.error('acquiring')
const acquires = await measureAcquire(quick ? 7 : 21)

console.error('allocating')
const allocations: Allocation[] = []
for (const each of allocating) allocations.push(await measureAllocation(each))

const targets = judgeTargets({ cells, allocations, acquires, updates })
const text = report({ counts, options, cells, updates, acquires, allocations, targets })
console.log(text)
if (values.write) await writeResult('pick', text)
judge(targets)
