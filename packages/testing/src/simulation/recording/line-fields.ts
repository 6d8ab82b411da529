import { rejectOption } from '@lb/core/authoring'
import { lineName, type RecordingLine } from './recording-lines.ts'

/** Longest time that is read: 2^31 − 1 milliseconds, 24 days, which is also the longest deadline. */
export const maxMs = 2_147_483_647
const maxTextLength = 1_024

/** The fields of one line, or of an object in it, with checks that name the line. */
export class LineFields {
  readonly #path: string
  readonly #fields: Readonly<Record<string, unknown>>

  constructor({ number, fields }: RecordingLine, inner = '') {
    this.#path = `${lineName(number)}${inner}`
    this.#fields = fields
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined
  }

  /** Milliseconds; `absent` if there are none. */
  ms(name: string, absent?: number): number {
    const value = this.#fields[name] ?? absent
    if (typeof value !== 'number' || !(value >= 0 && value <= maxMs)) {
      this.reject(name, `milliseconds in [0, ${maxMs}]`)
    }
    return value
  }

  /** An integer from 0 to `max`. */
  count(name: string, max: number): number {
    const value = this.#fields[name]
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
      this.reject(name, max < 0 ? 'the number of an earlier line; there is none' : `an integer in [0, ${max}]`)
    }
    return value
  }

  text(name: string): string | undefined {
    const value = this.#fields[name]
    if (value === undefined) return undefined
    if (typeof value !== 'string' || value.length > maxTextLength) {
      this.reject(name, `a string of at most ${maxTextLength} characters`)
    }
    return value
  }

  flag(name: string): boolean | undefined {
    const value = this.#fields[name]
    if (value !== undefined && typeof value !== 'boolean') this.reject(name, 'a boolean')
    return value
  }

  /** A list, empty if absent. */
  list(name: string): readonly unknown[] {
    const value = this.#fields[name]
    if (value === undefined) return []
    if (!Array.isArray(value)) this.reject(name, 'an array')
    return value
  }

  /** The path of `name`, for an error. */
  pathOf(name: string): string {
    return `${this.#path}: ${name}`
  }

  reject(name: string, legal: string): never {
    rejectOption(this.pathOf(name), legal, this.#fields[name])
  }
}
