import type { ServiceInstance } from '@lb/core'
import { maskedMetadata } from '@lb/core/authoring'

/** How many metadata are shown of an instance, and how long they may be: registries say what they like. */
const [maxEntries, maxLength] = [50, 500]

/** `instance` with its metadata as they may be shown. */
export function shownInstance(instance: ServiceInstance): ServiceInstance {
  const entries = Object.entries(instance.metadata).slice(0, maxEntries)
  if (entries.length === 0) return instance
  const masked = Object.entries(maskedMetadata(Object.fromEntries(entries.map(([key, value]) => [key, String(value)]))))
  const shown = masked.map(([key, value]) => [key.slice(0, maxLength), value.slice(0, maxLength)] as const)
  return { ...instance, metadata: Object.fromEntries(shown) }
}
