/**
 * What a pick costs, beside the floor and beside the pickers of other packages: `pnpm bench:pick`, or with `--quick` for
 * fewer and shorter rounds without the longest list, which are only printed. It measures the built package, as users get
 * it, so `pnpm --filter @lb/core build` comes first. It judges by targets but never fails: the speed of a shared machine
 * is no test.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { type Allocation, measureAllocation } from './allocations.ts'
import { allocating, contenders } from './contenders.ts'
import { type Cell, type MeasureOptions, measure } from './measure.ts'
import { report } from './report.ts'
import { judgeTargets } from './targets.ts'
import { measureUpdates, type UpdateCost } from './update-cost.ts'

const quick = process.argv.includes('--quick')
const counts: readonly number[] = quick ? [3, 10, 100, 1_000] : [3, 10, 100, 1_000, 10_000]
const options: MeasureOptions = quick ? { rounds: 7, roundMs: 10 } : { rounds: 11, roundMs: 50 }

const cells: Cell[] = await measure(contenders, counts, options, (count) => {
  console.error(`picking among ${count} instances`)
})

console.error('updating')
const updates: UpdateCost[] = await measureUpdates(10_000, quick ? 10 : 40)
if (!quick) updates.push(...(await measureUpdates(100_000, 10)))

console.error('allocating')
const allocations: Allocation[] = []
for (const { contender, ours } of allocating) allocations.push(await measureAllocation(contender, ours))

const targets = judgeTargets(cells, allocations)
const text = report({ counts, options, cells, updates, allocations, targets })
console.log(text)
if (!quick) {
  const results = new URL('../results/', import.meta.url)
  await mkdir(results, { recursive: true })
  await writeFile(new URL('pick.md', results), text)
}
