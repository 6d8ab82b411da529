import { rejectOption } from '../../base/option-checks.ts'
import { labelValue } from './label-value.ts'

/** The load balancers that are measured in one place, such as a registry, by their names. */
const named = new WeakMap<object, Map<string, object>>()

/** A name of a load balancer that no other one has in the same place, until it is released. */
export interface ClaimedName {
  readonly name: string
  release(): void
}

/**
 * Claims a name for `lb` in `place`: `wanted`, else `default`, `default-2` and so on.
 *
 * @throws InvalidOptionError if `lb` is measured there already, or another one has that name
 */
export function claimName(place: object, lb: object, path: string, wanted: string | undefined): ClaimedName {
  const names = named.get(place) ?? new Map<string, object>()
  if (Array.from(names.values()).includes(lb)) {
    const remedy = 'Call it once, or call the function that it returned before'
    rejectOption(`${path}.lb`, 'a load balancer that is not measured there already', lb, remedy)
  }
  if (wanted !== undefined && (typeof wanted !== 'string' || wanted === '')) {
    rejectOption(`${path}.name`, 'a string that is not empty, or absent', wanted)
  }
  const name = wanted === undefined ? freeName(names) : labelValue(wanted)
  if (names.has(name)) rejectOption(`${path}.name`, 'a name that no other load balancer has there', wanted)
  named.set(place, names.set(name, lb))
  return {
    name,
    release: () => {
      if (names.get(name) === lb) names.delete(name)
    },
  }
}

function freeName(names: ReadonlyMap<string, object>): string {
  if (!names.has('default')) return 'default'
  let number = 2
  while (names.has(`default-${number}`)) number++
  return `default-${number}`
}
