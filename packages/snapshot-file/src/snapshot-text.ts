import { DiscoveryError, type ServiceInstance, type ServiceInstanceInit } from '@lb/core'

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
 * Reads what `formatSnapshot` wrote, or another program. Each instance is checked where it is used.
 *
 * @throws DiscoveryError saying what is wrong
 */
export function parseSnapshot(service: string, text: string): SnapshotFile {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new DiscoveryError('it holds no object')
  const fields: { readonly [Name in 'version' | 'service' | keyof SnapshotFile]?: unknown } = value
  if (fields.version !== version) throw new DiscoveryError(`its version is not ${version}`)
  if (fields.service !== service) throw new DiscoveryError('it is of another service')
  const { savedAtMs, instances } = fields
  if (typeof savedAtMs !== 'number' || !Number.isFinite(savedAtMs))
    throw new DiscoveryError('it does not say when it was saved')
  if (!Array.isArray(instances)) throw new DiscoveryError('it holds no list of instances')
  return { savedAtMs, instances }
}
