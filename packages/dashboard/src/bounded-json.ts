import { errorJson } from '@lb/core/authoring'

/** Bounds of what is kept of an event or an error: lists may be long, and texts come from registries and instances. */
const [maxItems, maxText, maxDepth] = [20, 500, 5]

/** `value` as JSON of bounded size: an instance is its id, an error its names and messages, a long list its beginning. */
export function boundedJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.length > maxText ? `${value.slice(0, maxText)}…` : value
  if (typeof value === 'number') return Number.isFinite(value) ? Math.round(value * 1_000) / 1_000 : String(value)
  if (typeof value === 'boolean' || value === undefined || value === null) return value
  if (typeof value !== 'object') return typeof value
  if (value instanceof Error) return boundedJson(errorJson(value), depth)
  if (depth >= maxDepth) return '…'
  if (Array.isArray(value)) return boundedList(value, depth)
  if ('id' in value && 'host' in value && 'port' in value) return boundedJson(value.id, depth)
  const entries = Object.entries(value).slice(0, maxItems)
  return Object.fromEntries(entries.map(([name, each]) => [name, boundedJson(each, depth + 1)] as const))
}

function boundedList(list: readonly unknown[], depth: number): unknown {
  const items = list.slice(0, maxItems).map((each) => boundedJson(each, depth + 1))
  return list.length > maxItems ? { count: list.length, first: items } : items
}
