import type { Etcd } from 'test-servers'
import { expect } from 'vitest'
import { eventually } from './eventually.ts'

/** Stops etcd, and waits until it stands still: the signal takes a moment. */
export async function freeze(etcd: Etcd): Promise<void> {
  etcd.pause()
  await eventually(() =>
    expect(fetch(`${etcd.url}/health`, { signal: AbortSignal.timeout(200) })).rejects.toThrow('aborted due to timeout'),
  )
}
