import { originOf, type ServiceInstance } from '../../instance/instance.ts'

/** What an instance says of its load. */
export interface LoadProbeResult {
  /** Requests that it is serving or keeps waiting, ≥ 0. */
  readonly inFlight: number
  /** How long a request that arrives now would probably take, in milliseconds, ≥ 0. @default undefined: it cannot say yet */
  readonly latencyMs?: number | undefined
}

/**
 * Asks an instance for its load. `undefined`: it answers, but does not report its load. It should end when `signal` is
 * aborted; what it gives later is dropped.
 */
export type LoadProbe = (
  instance: ServiceInstance,
  context: { readonly signal: AbortSignal },
) => Promise<LoadProbeResult | undefined>

/** More than a report of two numbers needs. */
const maxBytes = 1_024

/** Requests `path` by the global `fetch`, as `loadProbe()` of @lb/express answers it. */
export function httpLoadProbe(path: string): LoadProbe {
  return async (instance, { signal }) => {
    const response = await fetch(`${originOf(instance)}${path}`, { redirect: 'manual', signal })
    try {
      const length = Number(response.headers.get('content-length') ?? Number.NaN)
      if (response.status !== 200 || !(length <= maxBytes)) return undefined
      return loadProbeResult(JSON.parse(await response.text()))
    } finally {
      // Rejects when it was read already.
      response.body?.cancel().catch(() => {})
    }
  }
}

/** `value` as a result, if it is one. */
export function loadProbeResult(value: unknown): LoadProbeResult | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { inFlight, latencyMs }: { inFlight?: unknown; latencyMs?: unknown } = value
  if (typeof inFlight !== 'number' || !(inFlight >= 0 && inFlight < 1e9)) return undefined
  const isKnown = typeof latencyMs === 'number' && latencyMs >= 0 && latencyMs < 1e9
  return isKnown ? { inFlight, latencyMs } : { inFlight }
}
