import { type Clock, systemClock } from './clock.ts'
import {
  checkBoolean,
  checkClock,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  checkNumber,
  rejectOption,
} from './option-checks.ts'
import { type Random, systemRandom } from './random.ts'

/** What one option may be. Its meaning is the comment of the interface that has it. */
export interface Option<Value> {
  /** Unit and bounds, for the reference. */
  readonly legal: string
  /** What holds where it is absent. `undefined`: that is no value, and the comment of the interface says what holds. */
  readonly default?: Value | undefined
  /** The options within it, where it is an object of such. */
  readonly fields?: Entries | undefined
  /** Whether it is an object of ours, which is copied. */
  readonly copied?: boolean | undefined
  /** The type of which every value is legal, where there is one: such a value needs no other check. */
  readonly type?: 'boolean' | 'function' | 'string' | undefined
  /** @throws InvalidOptionError unless `value` is absent or legal */
  readonly check: (path: string, value: unknown) => void
}

/** An option with a default. */
export interface DefaultedOption<Value> extends Option<Value> {
  readonly default: Value
}

/**
 * Every option of an interface: the compiler accepts neither one more nor one fewer. Each has a default, but for those in
 * `Open`.
 */
export type OptionTable<Options, Open extends keyof Options = never> = {
  readonly [Name in keyof Options]-?: Name extends Open
    ? Option<Exclude<Options[Name], undefined>>
    : DefaultedOption<Exclude<Options[Name], undefined>>
}

/** Options as a table leaves them: what has a default is there. */
export type OptionValues<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends DefaultedOption<infer Value>
    ? Value
    : Table[Name] extends Option<infer Value>
      ? Value | undefined
      : never
}

type Entries = Readonly<Record<string, Option<unknown>>>

/** @throws InvalidOptionError unless `options` is an object whose names are all in the table, and whose values are legal */
export function checkOptions(path: string, options: unknown, table: Entries): void {
  checkKeys(path, options, Object.keys(table))
  for (const [name, option] of Object.entries(table))
    option.check(`${path}.${name}`, Reflect.get(Object(options), name))
}

/** `checkOptions` for options that are given with each call: it looks only at those that are there. */
export function optionChecker(path: string, table: Entries): (options: unknown) => void {
  const names = Object.keys(table)
  const entries = new Map(
    Object.entries(table).map(([name, { type, check }]) => [name, { path: `${path}.${name}`, type, check }] as const),
  )
  return (options) => {
    if (!isObject(options)) return rejectOption(path, 'an object', options)
    // Not `Object.entries`, which makes arrays for each call, and not `Reflect.get`, which looks every name up.
    for (const name in options) {
      const entry = entries.get(name)
      if (entry === undefined) {
        checkKeys(path, options, names)
        continue
      }
      const value = options[name]
      if (value !== undefined && typeof value !== entry.type) entry.check(entry.path, value)
    }
  }
}

function isObject(options: unknown): options is Readonly<Record<string, unknown>> {
  return typeof options === 'object' && options !== null && !Array.isArray(options)
}

/** `options` with the defaults of the table where they say nothing. */
export function withDefaults<Table extends Entries>(
  options: { readonly [Name in keyof Table]?: OptionValues<Table>[Name] | undefined },
  table: Table,
): OptionValues<Table> {
  const entries = Object.entries(table)
  const values = entries.map(([name, option]) => [name, Reflect.get(options, name) ?? option.default] as const)
  // The compiler cannot follow names through entries.
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as OptionValues<Table>
}

interface Bounds {
  readonly min?: number
  readonly max?: number
  readonly infinite?: boolean
  readonly default?: number
}

type Defaulted<B extends Bounds> = B & { readonly default: number }

/** An integer. */
export function integerOption(bounds: Defaulted<Bounds>): DefaultedOption<number>
export function integerOption(bounds: Bounds): Option<number>
export function integerOption({ min = 0, max = Number.MAX_SAFE_INTEGER, default: value }: Bounds): Option<number> {
  const legal = max === Number.MAX_SAFE_INTEGER ? `integer ≥ ${min}` : `integer in [${min}, ${max}]`
  return { legal, default: value, check: (path, given) => checkInteger(path, given, min, max) }
}

/** A finite number. */
export function numberOption(bounds: Defaulted<Bounds>): DefaultedOption<number>
export function numberOption(bounds: Bounds): Option<number>
export function numberOption({ min = 0, max = Number.MAX_VALUE, default: value }: Bounds): Option<number> {
  const legal = max === Number.MAX_VALUE ? `number ≥ ${min}` : `number in [${min}, ${max}]`
  return { legal, default: value, check: (path, given) => checkNumber(path, given, min, max) }
}

/** A duration in milliseconds. */
export function durationOption(bounds: Defaulted<Bounds>): DefaultedOption<number>
export function durationOption(bounds: Bounds): Option<number>
export function durationOption({ min = 0, infinite = false, default: value }: Bounds): Option<number> {
  const legal = `milliseconds ≥ ${min}${infinite ? ', or Infinity' : ''}`
  return { legal, default: value, check: (path, given) => checkDurationMs(path, given, { min, infinite }) }
}

/** A number of things at once, or the word `other`. */
export function limitOption(): DefaultedOption<number>
export function limitOption<Other extends string>(other: Other): DefaultedOption<number | Other>
export function limitOption(other?: string): DefaultedOption<number | string> {
  const legal = other === undefined ? 'integer ≥ 1, or Infinity' : `integer ≥ 1, Infinity, or '${other}'`
  return {
    legal,
    default: Number.POSITIVE_INFINITY,
    check: (path, given) => {
      if (given === undefined || given === Number.POSITIVE_INFINITY || given === other) return
      if (!Number.isSafeInteger(given) || Number(given) < 1) rejectOption(path, `an ${legal}`, given)
    },
  }
}

export function booleanOption(value: boolean): DefaultedOption<boolean> {
  return { legal: 'boolean', default: value, type: 'boolean', check: checkBoolean }
}

export function functionOption(): Option<never> {
  return { legal: 'function', type: 'function', check: checkFunction }
}

export function clockOption(): DefaultedOption<Clock> {
  return { legal: 'Clock', default: systemClock, check: checkClock }
}

export function randomOption(): DefaultedOption<Random> {
  return { legal: 'function that returns a number in [0, 1)', default: systemRandom, check: checkFunction }
}

/** An object of options that are in `table`, or `false`: none of it. */
export function objectOption<Options extends object>(
  table: NoInfer<Readonly<Record<keyof Options & string, Option<unknown>>>>,
  value: NoInfer<Options | false>,
): DefaultedOption<Options | false> {
  return {
    legal: 'object, or false',
    default: value,
    fields: table,
    copied: true,
    check: (path, given) => {
      if (given !== undefined && given !== false) checkOptions(path, given, table)
    },
  }
}
