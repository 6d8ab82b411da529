import {
  type Complete,
  checkBoolean,
  checkClock,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  checkNumber,
  rejectOption,
} from './option-checks.ts'

/** What one option may be. Its meaning is the comment of the interface that has it. */
export interface Option<Value> {
  /** Unit and bounds, for the reference. */
  readonly legal: string
  /** What holds where it is absent. `undefined`: that is no value, and the comment of the interface says what holds. */
  readonly default?: Value | undefined
  /** The options within it, where it is an object of such. */
  readonly fields?: Entries | undefined
  /** Whether it is an object of ours, which is copied: so is one with `fields`. */
  readonly copied?: boolean | undefined
  /** @throws InvalidOptionError unless `value` is absent or legal */
  readonly check: (path: string, value: unknown) => void
}

/** Every option of an interface: the compiler accepts neither one more nor one fewer. */
export type OptionTable<Options> = { readonly [Name in keyof Options]-?: Option<Exclude<Options[Name], undefined>> }

type Entries = Readonly<Record<string, Option<unknown>>>

/** @throws InvalidOptionError unless `options` is an object whose names are all in the table, and whose values are legal */
export function checkOptions(path: string, options: unknown, table: Entries): void {
  checkKeys(path, options, Object.keys(table))
  for (const [name, option] of Object.entries(table))
    option.check(`${path}.${name}`, Reflect.get(Object(options), name))
}

/** `options` with the defaults of the table where they say nothing. */
export function withDefaults<Options extends object>(options: Options, table: OptionTable<Options>): Complete<Options> {
  const entries = Object.entries<Option<unknown>>(table)
  const values = entries.map(([name, option]) => [name, Reflect.get(options, name) ?? option.default] as const)
  // The compiler cannot follow names through entries. An option without a default has to be given.
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Complete<Options>
}

interface Bounds {
  readonly min?: number
  readonly max?: number
  readonly default?: number
}

/** An integer. */
export function integerOption({ min = 0, max = Number.MAX_SAFE_INTEGER, default: value }: Bounds): Option<number> {
  const legal = max === Number.MAX_SAFE_INTEGER ? `integer ≥ ${min}` : `integer in [${min}, ${max}]`
  return { legal, default: value, check: (path, given) => checkInteger(path, given, min, max) }
}

/** A finite number. */
export function numberOption({ min = 0, max = Number.MAX_VALUE, default: value }: Bounds): Option<number> {
  const legal = max === Number.MAX_VALUE ? `number ≥ ${min}` : `number in [${min}, ${max}]`
  return { legal, default: value, check: (path, given) => checkNumber(path, given, min, max) }
}

/** A duration in milliseconds. */
export function durationOption(bounds: {
  readonly min?: number
  readonly infinite?: boolean
  readonly default?: number
}): Option<number> {
  const legal = `milliseconds ≥ ${bounds.min ?? 0}${bounds.infinite === true ? ', or Infinity' : ''}`
  return { legal, default: bounds.default, check: (path, given) => checkDurationMs(path, given, bounds) }
}

/** A number of things at once. */
export function limitOption(): Option<number> {
  return {
    legal: 'integer ≥ 1, or Infinity',
    default: Number.POSITIVE_INFINITY,
    check: (path, given) => {
      if (given === undefined || given === Number.POSITIVE_INFINITY) return
      if (!Number.isSafeInteger(given) || Number(given) < 1) rejectOption(path, 'an integer ≥ 1, or Infinity', given)
    },
  }
}

export function booleanOption(value: boolean): Option<boolean> {
  return { legal: 'boolean', default: value, check: checkBoolean }
}

export function functionOption(): Option<never> {
  return { legal: 'function', check: checkFunction }
}

export function clockOption(): Option<never> {
  return { legal: 'Clock', check: checkClock }
}

/** An object of options that are in `table`, or `false`: none of it. */
export function objectOption<Options extends object>(table: OptionTable<Options>): Option<Options | false> {
  return {
    legal: 'object, or false',
    fields: table,
    copied: true,
    check: (path, given) => {
      if (given !== undefined && given !== false) checkOptions(path, given, table)
    },
  }
}
