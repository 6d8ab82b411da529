import { vi } from 'vitest'

/** Waits until `check` passes. */
export function eventually(check: () => unknown, timeoutMs = 20_000): Promise<unknown> {
  return vi.waitFor(check, { timeout: timeoutMs, interval: 20 })
}
