import { vi } from 'vitest'

/** Waits until `check` passes, for as long as the time limit of a usual test allows. */
export function eventually(check: () => unknown, timeoutMs = 4_500): Promise<unknown> {
  return vi.waitFor(check, { timeout: timeoutMs, interval: 20 })
}
