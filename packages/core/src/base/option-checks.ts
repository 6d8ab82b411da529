import { maxTimerDelayMs } from './clock.ts'
import { InvalidOptionError } from './errors.ts'
import { onLateRejection } from './late-rejection.ts'
import { nearestName } from './nearest-name.ts'

/** `Options` with every default filled in. */
export type Complete<Options> = { readonly [Name in keyof Options]-?: Exclude<Options[Name], undefined> }

/** How a value is shown in an error message: short, quoted, never a whole object. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (value instanceof Promise) return 'a promise'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'function') return 'a function'
  return String(value)
}

/** Throws the one form of sentence every bad option gets: which, what is legal, what was given, what to do. */
export function rejectOption(path: string, legal: string, value: unknown, remedy?: string): never {
  // Of an async function, where none may be: nothing else handles its rejection.
  if (value instanceof Promise) onLateRejection(value, () => {})
  const advice = remedy === undefined ? '' : `. ${remedy}`
  throw new InvalidOptionError(path, `${path} must be ${legal}, got ${shown(value)} (${typeof value})${advice}`)
}

/** Throws unless `value` is an object whose keys are all `known`; for a misspelt key, the error suggests the nearest. */
export function checkKeys(path: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    rejectOption(path, 'an object', value)
  }
  // Not `Object.keys`, which makes an array for each call.
  for (const key in value) {
    if (known.includes(key) || !Object.hasOwn(value, key)) continue
    const nearest = nearestName(key, known)
    const hint = nearest === undefined ? `Known: ${known.join(', ')}` : `Did you mean ${nearest}?`
    throw new InvalidOptionError(`${path}.${key}`, `${path}.${key} is not a known option. ${hint}`)
  }
}

/** Throws unless `value` is an object: hot, so no more is looked at. */
export function checkObject(path: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) rejectOption(path, 'an object', value)
}

/** A duration in milliseconds, or `undefined` when absent. */
export function checkDurationMs(
  path: string,
  value: unknown,
  { min = 0, infinite = false }: { min?: number; infinite?: boolean } = {},
): void {
  if (value === undefined || (infinite && value === Number.POSITIVE_INFINITY)) return
  if (typeof value !== 'number' || !(value >= min) || value > maxTimerDelayMs) {
    const end = infinite ? ', or Infinity' : ''
    rejectOption(path, `a number of milliseconds in [${min}, ${maxTimerDelayMs}]${end}`, value)
  }
}

/** A finite number in [`min`, `max`], or `undefined` when absent. */
export function checkNumber(path: string, value: unknown, min: number, max: number): void {
  if (value === undefined) return
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
    rejectOption(
      path,
      max === Number.MAX_VALUE ? `a finite number ≥ ${min}` : `a finite number in [${min}, ${max}]`,
      value,
    )
  }
}

/** An integer in [`min`, `max`], or `undefined` when absent. */
export function checkInteger(path: string, value: unknown, min: number, max: number): void {
  if (value === undefined) return
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    rejectOption(
      path,
      max === Number.MAX_SAFE_INTEGER ? `an integer ≥ ${min}` : `an integer in [${min}, ${max}]`,
      value,
    )
  }
}

/** A function, or `undefined` when absent. */
export function checkFunction(path: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') rejectOption(path, 'a function', value)
}

/** A clock, or `undefined` when absent. */
export function checkClock(path: string, value: unknown): void {
  if (value === undefined) return
  const isClock = hasMethod(value, 'now') && hasMethod(value, 'setTimeout')
  if (!isClock) rejectOption(path, 'a Clock with now and setTimeout', value)
}

/** Whether `value` is something with a method of that name. */
export function hasMethod(value: unknown, name: string): boolean {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return isObject && typeof Reflect.get(value, name) === 'function'
}

/** A boolean, or `undefined` when absent. */
export function checkBoolean(path: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') rejectOption(path, 'a boolean', value)
}

/** How an object is called in messages and by `inspect()`: by its `Symbol.toStringTag`, which no minifier changes. */
export function typeTag(value: object): string {
  const tag: unknown = Reflect.get(value, Symbol.toStringTag)
  return typeof tag === 'string' && tag !== '' ? tag : 'a custom object'
}
