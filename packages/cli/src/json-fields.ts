/** An object of JSON, of which nothing is known. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Whether `value` is an object, and no array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object under `name`; an empty one if there is none. */
export function objectIn(value: JsonObject, name: string): JsonObject {
  const field = value[name]
  return isJsonObject(field) ? field : {}
}

/** The objects in the array under `name`; none if it is no array. */
export function objectsIn(value: JsonObject, name: string): readonly JsonObject[] {
  const field = value[name]
  return Array.isArray(field) ? field.filter(isJsonObject) : []
}

/** The text under `name`; empty if there is none. */
export function textIn(value: JsonObject, name: string): string {
  const field = value[name]
  return typeof field === 'string' ? field : ''
}

/** The number under `name`, if there is one. */
export function numberIn(value: JsonObject, name: string): number | undefined {
  const field = value[name]
  return typeof field === 'number' && Number.isFinite(field) ? field : undefined
}

/** The texts in the array under `name`. */
export function textsIn(value: JsonObject, name: string): readonly string[] {
  const field = value[name]
  return Array.isArray(field) ? field.filter((each) => typeof each === 'string') : []
}
