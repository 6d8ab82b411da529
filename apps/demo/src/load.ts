import type { AxiosInstance } from 'axios'

const concurrency = 16
const url = 'http://user-service/v1/profile'

/** What became of a number of requests. */
export interface LoadResult {
  readonly requests: number
  readonly failures: number
  /** Answers by instance id. */
  readonly share: Readonly<Record<string, number>>
  /** Failures by error code. */
  readonly errors: Readonly<Record<string, number>>
  readonly durationMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface LoadOptions {
  readonly client: AxiosInstance
  readonly requests: number
  /** Ids that appear in `share` even when they answer nothing. */
  readonly ids: readonly string[]
  /** Called after each request with how many are over, and who answered so far. */
  readonly onProgress: (done: number, share: Readonly<Record<string, number>>) => void
}

/** Calls user-service `requests` times, a few at once, and counts. */
export async function runLoad({ client, requests, ids, onProgress }: LoadOptions): Promise<LoadResult> {
  const latencies = new Float64Array(requests)
  const share: Record<string, number> = Object.fromEntries(ids.map((id) => [id, 0]))
  const errors: Record<string, number> = {}
  let failures = 0
  let begun = 0
  let done = 0
  const startedAt = performance.now()
  const caller = async (): Promise<void> => {
    while (begun < requests) {
      begun++
      const calledAt = performance.now()
      try {
        const { data } = await client.get<{ servedBy: string }>(url)
        share[data.servedBy] = (share[data.servedBy] ?? 0) + 1
      } catch (error) {
        failures++
        const code = (error as { code?: string }).code ?? String(error)
        errors[code] = (errors[code] ?? 0) + 1
      }
      latencies[done++] = performance.now() - calledAt
      onProgress(done, share)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
  latencies.sort()
  const quantile = (q: number): number => round(latencies[Math.min(requests - 1, Math.floor(q * requests))] ?? 0)
  const durationMs = round(performance.now() - startedAt)
  return {
    requests,
    failures,
    share,
    errors,
    durationMs,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
