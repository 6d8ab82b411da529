import { domainNameProblem, searchedNames } from './domain-name.ts'
import { DnsFailure } from './errors.ts'
import type { LookupQuestion } from './lookup.ts'
import type { NotFound } from './record-lookup.ts'

/** With these the servers are out of reach, and other names would only take as long to fail. */
const endsSearch: ReadonlySet<string> = new Set(['TIMEOUT', 'NETWORK', 'NO_SERVER'])

/**
 * Looks up a name that may be relative. It remembers under which of the searched names there was something: while that
 * name cannot be looked up, another one is no substitute for it.
 */
export class NameSearch {
  readonly #name: string
  #foundAs: string | undefined

  /** @throws DnsFailure when `name` is none that can be asked for */
  constructor(name: string) {
    const problem = domainNameProblem(name.replace(/\.$/, ''))
    if (problem !== undefined) throw new DnsFailure('NAME', `the name ${JSON.stringify(name)} ${problem}`)
    this.#name = name
  }

  /** What `lookUp` gives for the first of the searched names that it finds. */
  async find<T extends { readonly found: true }>(
    question: LookupQuestion,
    lookUp: (name: string) => Promise<T | NotFound>,
  ): Promise<T | NotFound> {
    let failure: unknown
    let ttlMs: number | undefined
    for (const name of searchedNames(this.#name, question)) {
      try {
        const result = await lookUp(name)
        if (result.found) {
          this.#foundAs = name
          return result
        }
        ttlMs = Math.min(ttlMs ?? Number.POSITIVE_INFINITY, result.ttlMs ?? Number.POSITIVE_INFINITY)
      } catch (cause) {
        question.signal.throwIfAborted()
        if (!(cause instanceof DnsFailure) || name === this.#foundAs || endsSearch.has(cause.code)) throw cause
        failure ??= cause
      }
    }
    // The name that failed may be the one that has records.
    if (failure !== undefined) throw failure
    return { found: false, ...(ttlMs !== undefined && Number.isFinite(ttlMs) && { ttlMs }) }
  }
}
