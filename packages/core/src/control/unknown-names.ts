import { UnknownInstanceError, UnknownServiceError } from '../base/errors.ts'
import { nearestName } from '../base/nearest-name.ts'
import { shown } from '../base/option-checks.ts'

/** Names that a message lists. */
const maxListed = 10
/** Names that are compared for the one that was probably meant. */
const maxCompared = 1_000

/** The error for a service that is not in use: it names those that are, and the one that was probably meant. */
export function unknownService(service: string, known: Iterable<string>): UnknownServiceError {
  const names = [...known]
  const message = `no service ${shown(service)} is in use. ${knownText(service, names)}`
  const remedy = message.endsWith('?') ? '' : `. If the name is right, await ready(${JSON.stringify(service)}) first`
  return new UnknownServiceError(`${message}${remedy}`, { service, known: names.slice(0, maxListed) })
}

/** The error for an instance that is not known. `known`: the ids of the list; `undefined` while there is none. */
export function unknownInstance(
  service: string,
  id: string,
  known: readonly string[] | undefined,
): UnknownInstanceError {
  const remedy =
    known === undefined
      ? `Its first list is not known yet; await ready(${JSON.stringify(service)}) first`
      : knownText(id, known)
  return new UnknownInstanceError(`${service}: no instance has the id ${shown(id)}. ${remedy}`, {
    service,
    known: known?.slice(0, maxListed) ?? [],
  })
}

/** The names that are known, and the one that was probably meant, for a message. */
export function knownText(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'None is known'
  const nearest = nearestName(name, known.slice(0, maxCompared))
  const more = known.length > maxListed ? ` and ${known.length - maxListed} more` : ''
  const list = `Known: ${known.slice(0, maxListed).map(shown).join(', ')}${more}`
  return nearest === undefined ? list : `${list}. Did you mean ${shown(nearest)}?`
}
