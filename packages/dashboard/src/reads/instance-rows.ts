import type { InstanceSnapshot, ServiceSnapshot } from '@lb/core'
import { authorityOf } from '@lb/core/authoring'
import type { InstanceRow } from '../api.ts'
import type { TrafficBook } from '../traffic/traffic-book.ts'
import { shownInstance } from './metadata.ts'
import { wantedShares } from './shares.ts'

/** How the instances of a service may be sorted; `trouble`: what is no candidate comes first. */
export const sorts = ['list', 'trouble', 'in-flight', 'failed'] as const

/** How the instances of a service are sorted. */
export type Sort = (typeof sorts)[number]

const weightOf: Readonly<Record<Exclude<Sort, 'list'>, (row: InstanceSnapshot) => number>> = {
  trouble: ({ state, candidate }) => (state === 'available' ? 0 : 1) + (candidate ? 0 : 2),
  'in-flight': ({ inFlight }) => inFlight,
  failed: ({ failed }) => failed,
}

/** The instances that are asked for, in order. */
export function selected(
  { instances }: ServiceSnapshot,
  { state, sort }: { state: string | undefined; sort: Sort },
): readonly InstanceSnapshot[] {
  const found = state === undefined ? instances : instances.filter((each) => each.state === state)
  if (sort === 'list') return found
  const weight = weightOf[sort]
  return found.toSorted((one, other) => weight(other) - weight(one))
}

/** Rows of a page: what costs something is done for these alone. */
export function instanceRows(
  snapshot: ServiceSnapshot,
  page: readonly InstanceSnapshot[],
  traffic: TrafficBook,
): readonly InstanceRow[] {
  const wanted = wantedShares(snapshot)
  return page.map((row) => {
    const { instance } = row
    const share = row.wantedShare ?? wanted(row)
    const { got, ...rest } = traffic.ofInstance(snapshot.service, instance.id)
    return {
      ...row,
      instance: shownInstance(instance),
      address: authorityOf(instance.host, instance.port),
      share: { ...(share === undefined ? undefined : { wanted: share }), ...(got === undefined ? undefined : { got }) },
      ...rest,
    }
  })
}
