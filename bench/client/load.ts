import { quantile } from '../spread.ts'
import type { Send } from './contenders.ts'

export interface LoadOrder {
  readonly path: string
  readonly inFlight: number
  readonly seconds: number
}

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of this process, user and system. */
  readonly cpuUsPerRequest: number
  readonly failures: number
}

const mostLatencies = 4_000_000
let room: Float64Array | undefined

/** A closed loop: as many requests in flight as asked for, the next as soon as one ends. */
export async function load(send: Send, { path, inFlight, seconds }: LoadOrder): Promise<LoadResult> {
  room ??= new Float64Array(mostLatencies)
  const latencies = room
  let requests = 0
  let failures = 0
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  const endMs = startMs + seconds * 1_000
  const worker = async (): Promise<void> => {
    for (let sentMs = performance.now(); sentMs < endMs; ) {
      try {
        await send(path)
      } catch {
        failures++
      }
      const nowMs = performance.now()
      latencies[requests++] = nowMs - sentMs
      sentMs = nowMs
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const tookMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpuBefore)
  const sorted = latencies.subarray(0, requests).sort()
  return {
    requestsPerSecond: (1_000 * requests) / tookMs,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    cpuUsPerRequest: (user + system) / requests,
    failures,
  }
}
