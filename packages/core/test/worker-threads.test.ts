import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import type { RoundRobinWork } from './round-robin-worker.ts'

const workerFile = new URL('./round-robin-worker.ts', import.meta.url)
const workers = 4
const picks = 100_000

describe('RoundRobinBalancer in four worker threads that share a counter', () => {
  const last = 2 ** 32 - 1

  it.each([
    ['from 0', 7, 0],
    ['from 0', 8, 0],
    ['over the end of the counter', 7, last - 200_000],
    ['over the end of the counter', 8, last - 200_000],
    ['over the end of the counter', 10, last - 3],
  ])('gives each instance its turns exactly: counting %s, %i instances', async (_, instances, value) => {
    const buffer = new SharedArrayBuffer(4)
    new Uint32Array(buffer)[0] = value
    const counts = await countsOfWorkers({ buffer, gate: new SharedArrayBuffer(4), instances, picks })
    const all = Object.values(counts)
    expect(all).toHaveLength(instances)
    expect(all.reduce((sum, count) => sum + count, 0)).toBe(workers * picks)
    // Consecutive positions: what does not divide evenly is one turn more for some.
    const least = Math.floor((workers * picks) / instances)
    const remainder = (workers * picks) % instances
    expect(all.filter((count) => count === least)).toHaveLength(instances - remainder)
    expect(all.filter((count) => count === least + 1)).toHaveLength(remainder)
    if (value > 0) expect(new Uint32Array(buffer)[0], 'the counter has turned over').toBeLessThan(value)
  })

  it('fails, and does not hang, when a worker fails', async () => {
    const broken = { buffer: new SharedArrayBuffer(1), gate: new SharedArrayBuffer(4), instances: 7, picks }
    await expect(countsOfWorkers(broken)).rejects.toThrow('SharedCounter.buffer must be a SharedArrayBuffer')
  })
})

/** Starts the workers, lets them go at the same moment and adds up what they counted. */
async function countsOfWorkers(work: RoundRobinWork): Promise<Record<string, number>> {
  const started = Array.from({ length: workers }, () => new RoundRobinThread(work))
  try {
    await Promise.all(started.map(({ ready }) => ready))
    const gate = new Int32Array(work.gate)
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
    const counted = await Promise.all(started.map(({ counts }) => counts))
    const total: Record<string, number> = {}
    for (const [id, count] of counted.flatMap((counts) => Object.entries(counts))) total[id] = (total[id] ?? 0) + count
    return total
  } finally {
    await Promise.all(started.map((thread) => thread.terminate()))
  }
}

class RoundRobinThread {
  readonly #worker: Worker
  /** Both reject when the worker throws or ends early. */
  readonly ready: Promise<void>
  readonly counts: Promise<Readonly<Record<string, number>>>

  constructor(work: RoundRobinWork) {
    const worker = new Worker(workerFile, { workerData: work, execArgv: [] })
    this.#worker = worker
    const failed = new Promise<never>((_, reject) => {
      worker.once('error', reject)
      worker.once('exit', (code) => reject(new Error(`a worker ended early, with code ${code}`)))
    })
    const ready = new Promise<void>((resolve) => worker.once('message', () => resolve()))
    const counts = new Promise<Readonly<Record<string, number>>>((resolve) => {
      worker.on('message', (message: 'ready' | Readonly<Record<string, number>>) => {
        if (message !== 'ready') resolve(message)
      })
    })
    this.ready = Promise.race([ready, failed])
    this.counts = Promise.race([counts, failed])
    // Whoever fails first ends the test; what the others do then is not looked at.
    for (const promise of [this.ready, this.counts]) promise.catch(() => {})
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }
}
