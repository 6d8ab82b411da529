import { DiscoveryError } from '@lb/core'
import type { EndpointSlice } from './endpoint-slice.ts'
import type { SliceList } from './watch-event.ts'

/** At 100 endpoints in a slice, which is the usual most, that is half a million of one Service. */
const maxSlices = 5_000

/** The slices of one Service as the last list and the events after it say. */
export class SliceStore {
  #slices = new Map<string, EndpointSlice>()

  get slices(): Iterable<EndpointSlice> {
    return this.#slices.values()
  }

  /** All at once, so that nothing is missing meanwhile. @throws DiscoveryError when there are too many */
  replace({ slices }: SliceList): void {
    checkCount(slices.length)
    this.#slices = new Map(slices.map((slice) => [slice.name, slice]))
  }

  /** Gives whether that changes anything. @throws DiscoveryError when there are too many */
  set(slice: EndpointSlice): boolean {
    const before = this.#slices.get(slice.name)
    if (before === undefined) checkCount(this.#slices.size + 1)
    this.#slices.set(slice.name, slice)
    // Most changes of a slice are of fields that are not read, such as the time of the last change.
    return before === undefined || JSON.stringify(before) !== JSON.stringify(slice)
  }

  /** The other slices of the Service stay. Gives whether there was one. */
  delete(name: string): boolean {
    return this.#slices.delete(name)
  }
}

function checkCount(count: number): void {
  if (count > maxSlices)
    throw new DiscoveryError(
      `the API server has more than ${maxSlices} EndpointSlices of one Service. Divide the Service`,
    )
}
