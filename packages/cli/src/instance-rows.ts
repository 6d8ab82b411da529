import type { InstanceSnapshot, ServiceInstance } from '@lb/core'
import { maskedMetadata, originOf } from '@lb/core/authoring'
import { numberText } from './number-format.ts'
import { printable } from './printable.ts'
import type { Styles } from './text-style.ts'
import type { Column } from './text-table.ts'

/** The columns of a list of instances. */
export function instanceColumns(styles: Styles): Column<InstanceSnapshot>[] {
  return [
    { title: 'ENDPOINT', cell: ({ instance }) => printable(originOf(instance)) },
    { title: 'WEIGHT', cell: ({ instance }) => numberText(instance.weight), align: 'right' },
    { title: 'PRIORITY', cell: ({ instance }) => `${instance.priority}`, align: 'right' },
    { title: 'ZONE', cell: ({ instance }) => printable(instance.zone ?? '') },
    {
      title: 'STATE',
      cell: ({ state }) => state,
      style: ({ state }) => (state === 'available' ? styles.green : styles.yellow),
    },
    { title: 'REASON', cell: ({ state, reason }) => (state === 'available' ? '' : printable(reason)) },
    { title: 'METADATA', cell: ({ instance }) => metadataText(instance.metadata) },
  ]
}

/** An instance as it is in JSON output, with its state. */
export function instanceJson({ instance, state, reason, candidate }: InstanceSnapshot): object {
  return { ...shownInstance(instance), state, reason, candidate }
}

/** An instance as it is in JSON output. Metadata may hold secrets, and what is printed goes into logs. */
export function shownInstance(instance: ServiceInstance): object {
  return { endpoint: originOf(instance), ...instance, metadata: maskedMetadata(instance.metadata) }
}

/** By priority, then by address: the order of a registry has no meaning. */
export function sortedInstances(instances: readonly InstanceSnapshot[]): InstanceSnapshot[] {
  const key = ({ instance }: InstanceSnapshot): string => originOf(instance)
  return [...instances].sort(
    (one, other) =>
      one.instance.priority - other.instance.priority || key(one).localeCompare(key(other), 'en', { numeric: true }),
  )
}

function metadataText(metadata: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(maskedMetadata(metadata)).map(
    ([key, value]) => `${printable(key, 60)}=${printable(value, 60)}`,
  )
  const shown = pairs.slice(0, 8).join(' ')
  return pairs.length > 8 ? `${shown} …` : shown
}
