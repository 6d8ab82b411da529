import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import type { Contender, Run } from './contender.ts'

/** Whose allocation is measured. */
export interface Allocating {
  readonly contender: Contender
  readonly ours: boolean
  /** Random numbers per pick. @default 0 */
  readonly draws?: number
}

export interface Allocation {
  readonly name: string
  readonly ours: boolean
  /** Random numbers per pick. */
  readonly draws: number
  readonly bytesPerPick: number
  /** Picks without any garbage collection that the figure comes from. */
  readonly picks: number
}

const instanceCount = 100
/** Reading the size of the heap allocates too: less growth than this in all is none. */
const noiseBytes = 65_536
const warmUpPicks = 1e5
const fewestPicks = 100
const mostPicks = 1e7
const tries = 3

/**
 * Growth of the heap over as many picks as go without any garbage collection, at most ten million: so nothing can hide
 * in a collection. Only a contender that allocates comes to fewer.
 */
export async function measureAllocation({ contender, ours, draws = 0 }: Allocating): Promise<Allocation> {
  const run = await contender.open(instanceCount)
  run.run(warmUpPicks)
  let allocation: Allocation = { name: contender.name, ours, draws, bytesPerPick: Number.NaN, picks: 0 }
  for (let picks = fewestPicks; picks <= mostPicks; picks *= 10) {
    const grown = await leastGrowth(run, picks)
    if (grown === undefined) break
    allocation = { ...allocation, bytesPerPick: grown < noiseBytes && picks === mostPicks ? 0 : grown / picks, picks }
  }
  await run.close?.()
  return allocation
}

/** `undefined` when garbage was collected each time. */
async function leastGrowth(run: Run, picks: number): Promise<number | undefined> {
  let least: number | undefined
  for (let turn = 0; turn < tries; turn++) {
    const grown = await growth(run, picks)
    if (grown !== undefined) least = Math.min(grown, least ?? grown)
  }
  return least
}

/** `undefined` when garbage was collected meanwhile. */
async function growth(run: Run, picks: number): Promise<number | undefined> {
  globalThis.gc?.()
  // Entries come in a later turn of the event loop; those of the collection just made must be out of the way first.
  await setImmediate()
  let collections = 0
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length
  })
  observer.observe({ entryTypes: ['gc'] })
  const before = process.memoryUsage().heapUsed
  run.run(picks)
  const after = process.memoryUsage().heapUsed
  await setImmediate()
  await setImmediate()
  observer.disconnect()
  return collections === 0 ? after - before : undefined
}
