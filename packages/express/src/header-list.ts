import { removeNamed } from './field-kinds.ts'

/** Headers as hooks see and change them: in order, names in any case, repeated ones kept apart. */
export class HeaderList {
  readonly #flat: string[]

  /** @param flat name, value, name, value …; changed in place */
  constructor(flat: string[]) {
    this.#flat = flat
  }

  /** The values under `name`, joined by a comma; `undefined` when there is none. */
  get(name: string): string | undefined {
    const values = this.getAll(name)
    return values.length === 0 ? undefined : values.join(', ')
  }

  getAll(name: string): string[] {
    const wanted = name.toLowerCase()
    return Array.from(this).flatMap(([each, value]) => (each.toLowerCase() === wanted ? [value] : []))
  }

  has(name: string): boolean {
    return this.getAll(name).length > 0
  }

  /** Replaces every value under `name`. */
  set(name: string, value: string): this {
    return this.delete(name).append(name, value)
  }

  append(name: string, value: string): this {
    this.#flat.push(name, value)
    return this
  }

  delete(name: string): this {
    removeNamed(this.#flat, new Set([name.toLowerCase()]))
    return this
  }

  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (let index = 0; index < this.#flat.length; index += 2) {
      yield [this.#flat[index] as string, this.#flat[index + 1] as string]
    }
  }
}
