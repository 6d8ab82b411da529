import type { SourceFile } from './source-file.ts'

interface Floor {
  /** Folders and files directly below the sources of core. */
  readonly rooms: readonly string[]
  /** Its rooms may import each other. */
  readonly open?: boolean
}

const core = 'packages/core/src/'

/** The floors of core from below: each imports only what stands below it, and no room of its own floor unless that is open. */
const floors: readonly Floor[] = [
  { rooms: ['base'] },
  { rooms: ['instance'] },
  { rooms: ['discovery', 'retry', 'overload', 'load-report', 'balancer'] },
  { rooms: ['cache', 'health'] },
  { rooms: ['control', 'observe', 'config'], open: true },
  { rooms: ['service'] },
  { rooms: ['call'] },
  { rooms: ['load-balancer.ts'] },
  { rooms: ['is-load-balancer.ts'] },
  { rooms: ['index.ts', 'authoring.ts'] },
]

/** What stands below, and yet is none of its business: health judges instances, wherever they come from. */
const strangers: Readonly<Record<string, readonly string[]>> = { health: ['discovery'] }

export const rooms: readonly string[] = floors.flatMap((floor) => floor.rooms)

/** The rooms that `room` must not import. */
export function closedTo(room: string): string[] {
  const level = floors.findIndex((floor) => floor.rooms.includes(room))
  const floor = floors[level]
  const beside = floor === undefined || floor.open ? [] : floor.rooms.filter((other) => other !== room)
  return [...(strangers[room] ?? []), ...beside, ...floors.slice(level + 1).flatMap((above) => above.rooms)]
}

/** The files of core that stand on no floor, and the imports that point up or at a room beside, or out of core. */
export function againstTheFloors(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, imports }) => {
    const room = roomOf(path)
    if (room === undefined) return []
    if (!rooms.includes(room)) return `${path} stands on no floor`
    return imports.flatMap(({ from, line }) => {
      const other = roomOf(from)
      const isOpen = other !== undefined && rooms.includes(other) && !closedTo(room).includes(other)
      return isOpen ? [] : `${path}:${line} ${room} imports ${from}`
    })
  })
}

/** The folder of core in which a file is, or its name when it is in none; undefined outside of core. */
function roomOf(path: string): string | undefined {
  return path.startsWith(core) ? path.slice(core.length).split('/')[0] : undefined
}
