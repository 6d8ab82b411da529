/** How Nacos writes a group and a service as one name. */
const separator = '@@'

export interface GroupedName {
  readonly group: string
  readonly name: string
}

/** `"orders"` is a service of `group`; `"payments@@orders"` one of the group `payments`, whatever `group` is. */
export function groupedName(service: string, group: string): GroupedName {
  const at = service.indexOf(separator)
  return at === -1
    ? { group, name: service }
    : { group: service.slice(0, at), name: service.slice(at + separator.length) }
}

/** The one name that version 1 of the API takes, and that pushes carry. */
export function joinedName({ group, name }: GroupedName): string {
  return `${group}${separator}${name}`
}

/** Why the registry could not hold a service of that name, or `undefined`. */
export function serviceNameProblem({ group, name }: GroupedName): string | undefined {
  if (name === '') return 'a service needs a name'
  if (group === '') return 'a group needs a name'
  if (name.includes(separator)) return 'a name can have one group only'
  return undefined
}
