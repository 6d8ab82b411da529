/** An object of which nothing is known: something that was thrown, or came from elsewhere. */
export type Fields = Readonly<Record<PropertyKey, unknown>>

/** Whether `value` is an object, whose fields may be looked at. */
export function hasFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

/** The fields of `value`; none if it is no object. */
export function fieldsOf(value: unknown): Fields {
  return hasFields(value) ? value : {}
}
