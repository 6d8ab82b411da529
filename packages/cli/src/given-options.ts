import { usageError } from './command-error.ts'

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** The options of a command line. Each getter checks what it gives; the error names the flag, the value and the remedy. */
export class GivenOptions {
  readonly #values: ReadonlyMap<string, readonly string[] | boolean>

  constructor(values: ReadonlyMap<string, readonly string[] | boolean>) {
    this.#values = values
  }

  /** Names of the flags that were given, without dashes. */
  get names(): readonly string[] {
    return Array.from(this.#values.keys())
  }

  /** Whether the flag was given, with or without a value. */
  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** The last value; `undefined` if there is none. */
  text(name: string): string | undefined {
    const value = this.texts(name).at(-1)
    if (value === '') throw usageError(`--${name}`, 'a text that is not empty', value, 'Leave it out for the default')
    return value
  }

  /** Every value, as it is written. */
  texts(name: string): readonly string[] {
    const values = this.#values.get(name)
    return typeof values === 'object' ? values : []
  }

  /** Every value of a flag that takes several, separated by commas or by repeating it. */
  list(name: string): readonly string[] {
    return this.texts(name)
      .flatMap((value) => value.split(','))
      .map((value) => value.trim())
      .filter((value) => value !== '')
  }

  /** One of `values`. */
  choice<const Value extends string>(name: string, values: readonly Value[]): Value | undefined {
    const given = this.text(name)
    if (given === undefined) return undefined
    const chosen = values.find((value) => value === given)
    if (chosen === undefined) throw usageError(`--${name}`, `one of ${values.join(', ')}`, given)
    return chosen
  }

  /** An integer in [min, max]. */
  integer(name: string, min: number, max: number): number | undefined {
    const given = this.text(name)
    if (given === undefined) return undefined
    const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN
    if (value >= min && value <= max) return value
    throw usageError(`--${name}`, `an integer in [${min}, ${max}]`, given)
  }

  /** A number in [min, max]. */
  number(name: string, min: number, max: number): number | undefined {
    const given = this.text(name)
    if (given === undefined) return undefined
    const value = /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : Number.NaN
    if (value >= min && value <= max) return value
    throw usageError(`--${name}`, `a number in [${min}, ${max}]`, given)
  }

  /** A duration such as `500ms`, `5s` or `2m`, in milliseconds, from `min` to 24 hours. */
  durationMs(name: string, min = 1): number | undefined {
    const given = this.text(name)
    if (given === undefined) return undefined
    const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(given) ?? []
    const value = Number(digits) * (unitsMs[unit] ?? Number.NaN)
    if (value >= min && value <= 24 * 3_600_000) return value
    const remedy = /^\d+(?:\.\d+)?$/.test(given) ? `Add the unit: ${given}s or ${given}ms` : undefined
    throw usageError(`--${name}`, `a duration such as 500ms, 5s or 2m, ${min} ms to 24 h`, given, remedy)
  }
}
