import { errorJson } from '@lb/core/authoring'

/** Bounds of what is kept of an event: lists may be long, and texts are of others. */
const [maxItems, maxText, maxDepth] = [20, 500, 5]

/** `value` as JSON of bounded size: an instance is its id, an error its names and messages, a long list its beginning. */
export function shown(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.length > maxText ? `${value.slice(0, maxText)}…` : value
  if (typeof value === 'number') return Number.isFinite(value) ? Math.round(value * 1_000) / 1_000 : String(value)
  if (typeof value === 'boolean' || value === undefined || value === null) return value
  if (typeof value !== 'object') return typeof value
  if (value instanceof Error) return shown(errorJson(value), depth)
  if (depth >= maxDepth) return '…'
  if (Array.isArray(value)) return shownList(value, depth)
  if ('id' in value && 'host' in value && 'port' in value) return shown(value.id, depth)
  const entries = Object.entries(value).slice(0, maxItems)
  return Object.fromEntries(entries.map(([name, each]) => [name, shown(each, depth + 1)] as const))
}

function shownList(list: readonly unknown[], depth: number): unknown {
  const items = list.slice(0, maxItems).map((each) => shown(each, depth + 1))
  return list.length > maxItems ? { count: list.length, first: items } : items
}
