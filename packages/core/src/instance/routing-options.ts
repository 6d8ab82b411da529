import { rejectOption } from '../base/option-checks.ts'
import { type DefaultedOption, type Option, type OptionTable, objectOption } from '../base/option-table.ts'

/** Routes requests by what they match: only to instances whose metadata say so. */
export interface RoutingOptions {
  /** The keys of the metadata by which requests may be routed, 1 to 8. Other keys of a `match` are ignored. */
  readonly keys: readonly string[]
  /**
   * Where a request goes if no instance that matches can take it: `none`: it fails with a NoAvailableInstanceError;
   * `any`: to any instance; an object: to the instances that match this instead.
   * @default 'none'
   */
  readonly fallback?: 'none' | 'any' | Readonly<Record<string, string>> | undefined
}

const maxKeys = 8

const keysOption: Option<readonly string[]> = {
  legal: `array of 1 to ${maxKeys} different strings; required`,
  check: (path, given) => {
    const isLegal =
      Array.isArray(given) &&
      given.length >= 1 &&
      given.length <= maxKeys &&
      given.every((key) => typeof key === 'string' && key !== '') &&
      new Set(given).size === given.length
    if (!isLegal) rejectOption(path, `an array of 1 to ${maxKeys} different strings that are not empty`, given)
  },
}

const fallbackOption: DefaultedOption<'none' | 'any' | Readonly<Record<string, string>>> = {
  legal: '"none", "any", or object of strings by key',
  default: 'none',
  check: (path, given) => {
    if (given === undefined || given === 'none' || given === 'any') return
    const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
    if (!isObject || Object.keys(given).length === 0) {
      rejectOption(path, '"none", "any", or an object such as { version: "stable" }', given)
    }
    for (const [key, value] of Object.entries(given)) {
      if (typeof value !== 'string') rejectOption(`${path}.${key}`, 'a string', value)
    }
  },
}

export const routingTable: OptionTable<RoutingOptions, 'keys'> = { keys: keysOption, fallback: fallbackOption }

const options = objectOption<RoutingOptions>(routingTable, false)

/** The option `routing`: besides its fields, that the keys of the fallback are among its keys. */
export const routingOption: DefaultedOption<RoutingOptions | false> = {
  ...options,
  check: (path, given) => {
    options.check(path, given)
    if (typeof given !== 'object' || given === null) return
    const { keys = [], fallback }: Partial<RoutingOptions> = given
    if (typeof fallback !== 'object') return
    for (const key of Object.keys(fallback)) {
      if (keys.includes(key)) continue
      rejectOption(`${path}.fallback.${key}`, `absent, or ${JSON.stringify(key)} one of ${path}.keys`, fallback[key])
    }
  },
}
