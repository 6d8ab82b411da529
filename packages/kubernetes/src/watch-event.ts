import { DiscoveryError } from '@lb/core'
import { type ApiStatus, parseApiStatus } from './api-status.ts'
import { type EndpointSlice, list, object, parseEndpointSlice, text } from './endpoint-slice.ts'

/** All slices of a Service at one moment. */
export interface SliceList {
  readonly slices: readonly EndpointSlice[]
  /** From where a watch goes on. Opaque: compared with nothing, no number. */
  readonly resourceVersion: string
}

/** One line of a watch. */
export type WatchEvent =
  | { readonly type: 'changed'; readonly slice: EndpointSlice; readonly resourceVersion: string }
  | { readonly type: 'deleted'; readonly name: string; readonly resourceVersion: string }
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  | { readonly type: 'error'; readonly status: ApiStatus }

/** @throws DiscoveryError when `value` is no list of EndpointSlices */
export function parseSliceList(value: unknown): SliceList {
  const answer = object(value, 'the EndpointSliceList')
  // A list whose items are null says "none"; an answer that is something else must not.
  if (answer.kind !== 'EndpointSliceList' || !('items' in answer))
    throw new DiscoveryError('the API server sent no EndpointSliceList')
  return {
    slices: list(answer.items, 'items').map(parseEndpointSlice),
    resourceVersion: versionOf(answer),
  }
}

/** @throws DiscoveryError when `line` is no event of a watch */
export function parseWatchEvent(line: string): WatchEvent {
  const event = object(jsonOf(line), 'the event')
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'changed', slice: parseEndpointSlice(event.object), resourceVersion: versionOf(event.object) }
    case 'DELETED':
      return { type: 'deleted', name: parseEndpointSlice(event.object).name, resourceVersion: versionOf(event.object) }
    case 'BOOKMARK':
      return { type: 'bookmark', resourceVersion: versionOf(event.object) }
    case 'ERROR':
      return { type: 'error', status: parseApiStatus(event.object) }
    default:
      throw new DiscoveryError('the API server sent an event of an unknown type')
  }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // Its message would show a part of the line.
    throw new DiscoveryError('the API server sent an event that is no JSON')
  }
}

function versionOf(value: unknown): string {
  const version = text(object(object(value, 'the object').metadata, 'metadata').resourceVersion, 'resourceVersion')
  if (version === undefined || version === '' || version === '0') {
    throw new DiscoveryError('the API server sent an object without its resourceVersion')
  }
  return version
}
