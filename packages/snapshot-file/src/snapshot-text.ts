import type { ServiceInstance, ServiceInstanceInit } from '@lb/core'

/** What a file holds. The service is in it, since its name is not readable from that of the file. */
export interface SnapshotFile {
  readonly savedAtMs: number
  readonly instances: readonly ServiceInstanceInit[]
}

const version = 1

export function formatSnapshot(service: string, savedAtMs: number, instances: readonly ServiceInstance[]): string {
  return `${JSON.stringify({ version, service, savedAtMs, instances })}\n`
}

/**
 * Reads what `formatSnapshot` wrote; anybody may have written it. Each instance is checked by whoever uses it.
 *
 * @throws Error saying what is wrong
 */
export function parseSnapshot(service: string, text: string): SnapshotFile {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new Error('it holds no object')
  const fields = value as Record<string, unknown>
  if (fields.version !== version) throw new Error(`its version is not ${version}`)
  if (fields.service !== service) throw new Error('it is of another service')
  const { savedAtMs, instances } = fields
  if (typeof savedAtMs !== 'number' || !Number.isFinite(savedAtMs)) throw new Error('it does not say when it was saved')
  if (!Array.isArray(instances)) throw new Error('it holds no list of instances')
  return { savedAtMs, instances: instances as ServiceInstanceInit[] }
}
