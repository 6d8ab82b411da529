import { errorJson } from '../base/error-json.ts'
import { hasFields } from '../base/fields.ts'
import { levelOf } from './event-types.ts'
import type { EventFields, EventLevel, LoadBalancerEvent } from './events.ts'

/**
 * An event as listeners get it. `level` and `toJSON` are no fields of its own: each costs nothing until it is used, and a logger that
 * takes the fields of an object has a `level` itself.
 */
class EmittedEvent {
  declare readonly type: LoadBalancerEvent['type']

  get level(): EventLevel {
    return levelOf(this.type)
  }

  toJSON(): Record<string, unknown> {
    const json: Record<string, unknown> = { type: this.type, level: this.level }
    for (const [name, value] of Object.entries(this)) json[name] = fieldJson(name, value)
    return json
  }
}

/** `fields` with what every event has. */
export function emittedEvent(fields: EventFields): LoadBalancerEvent {
  return Object.assign(new EmittedEvent(), fields)
}

const maxDepth = 6

/** An error is no JSON by itself, and what is thrown may be anything. */
function fieldJson(name: string, value: unknown, depth = 0): unknown {
  if (name === 'error') return value === undefined ? undefined : errorJson(value)
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function') return String(value)
  // JSON has no Infinity.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (!hasFields(value) || depth > maxDepth) return typeof value === 'object' && value !== null ? '…' : value
  if (Array.isArray(value)) return value.map((each: unknown) => fieldJson('', each, depth + 1))
  if (value instanceof Error) return errorJson(value)
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fieldJson(key, each, depth + 1)]))
}
