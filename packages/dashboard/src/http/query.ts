import { ApiError } from './api-error.ts'

/** The query of a request. */
export class Query {
  readonly #params: URLSearchParams

  constructor(query: string) {
    this.#params = new URLSearchParams(query)
  }

  text(name: string): string | undefined {
    const value = this.#params.get(name)
    return value === null || value === '' ? undefined : value
  }

  /** The values of `name=a,b&name=c`; empty: none was given. */
  list(name: string): readonly string[] {
    return this.#params.getAll(name).flatMap((value) => value.split(',').filter((each) => each !== ''))
  }

  /** @throws ApiError unless it is absent or an integer within its bounds */
  integer(name: string, { min, max, otherwise }: { min: number; max: number; otherwise: number }): number {
    const text = this.text(name)
    if (text === undefined) return otherwise
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new ApiError('BAD_REQUEST', `${name} must be an integer in [${min}, ${max}]`, { field: name })
  }

  /** @throws ApiError unless it is absent or one of `legal` */
  choice<T extends string>(name: string, legal: readonly T[]): T | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const found = legal.find((each) => each === text)
    if (found !== undefined) return found
    throw new ApiError('BAD_REQUEST', `${name} must be one of ${legal.join(', ')}`, { field: name, known: legal })
  }

  /** Which part of a list is asked for. */
  page(): { readonly offset: number; readonly limit: number } {
    return {
      offset: this.integer('offset', { min: 0, max: 1e9, otherwise: 0 }),
      limit: this.integer('limit', { min: 1, max: 500, otherwise: 100 }),
    }
  }
}
