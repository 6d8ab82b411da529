import type { Endpoint } from './endpoint-slice.ts'

/** Where this process runs. */
export interface OwnPlace {
  readonly zone: string | undefined
  readonly node: string | undefined
}

type Hinted = Pick<Endpoint, 'forZones' | 'forNodes'>

/**
 * The priority of each endpoint by the hints of the EndpointSlice controller (KEP-2433 for zones, KEP-3015 for nodes): those meant
 * for this process first, and the others when those are not healthy enough. Hints count only when every usable endpoint has one and
 * one of them is for this place: otherwise the controller is about to change them, or has none for us.
 */
export function hintedPriority(usable: readonly Hinted[], { zone, node }: OwnPlace): (endpoint: Hinted) => number {
  const levels: ((endpoint: Hinted) => boolean)[] = []
  const consider = (place: string | undefined, hints: (endpoint: Hinted) => readonly string[] | undefined): void => {
    if (place === undefined) return
    const isMeant = (endpoint: Hinted): boolean => hints(endpoint)?.includes(place) === true
    if (usable.every((endpoint) => hints(endpoint) !== undefined) && usable.some(isMeant)) levels.push(isMeant)
  }
  consider(node, ({ forNodes }) => forNodes)
  consider(zone, ({ forZones }) => forZones)
  return (endpoint) => {
    const level = levels.findIndex((isMeant) => isMeant(endpoint))
    return level === -1 ? levels.length : level
  }
}
