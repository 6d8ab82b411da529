import { DiscoveryError } from '@lb/core'
import type { EndpointSlice, SlicePort } from './endpoint-slice.ts'

/** Which port of a slice is used; `undefined` when the slice does not have it. */
export type ChoosePort = (
  slice: EndpointSlice,
) => { readonly port: number; readonly appProtocol: string | undefined } | undefined

/**
 * Chooses one port for a whole Service. Each slice has a list of ports of its own: pods of different versions may have different
 * numbers for one name, and some may not have it at all.
 *
 * @throws DiscoveryError when there are endpoints and none of them has the port, or several could be meant
 */
export function portSelection(slices: readonly EndpointSlice[], wanted: string | number | undefined): ChoosePort {
  const used = slices.filter(({ endpoints }) => endpoints.length > 0)
  if (typeof wanted === 'number') return byNumber(used, wanted)
  const names = namesIn(used)
  const name = wanted ?? theOnly(names)
  if (used.length > 0 && !names.has(name)) {
    const remedy = 'Set the option port to one of them'
    throw new DiscoveryError(`no endpoint has a TCP port named ${quoted(name)}, they have ${shown(names)}. ${remedy}`)
  }
  return ({ ports }) => usable(ports.find((port) => port.name === name))
}

function byNumber(used: readonly EndpointSlice[], wanted: number): ChoosePort {
  const choose: ChoosePort = ({ ports }) => {
    // A slice without ports, or with one without a number, is for any port.
    if (ports.length === 0) return { port: wanted, appProtocol: undefined }
    const found = ports.find(({ port }) => port === wanted) ?? ports.find(({ port }) => port === undefined)
    return found && { port: wanted, appProtocol: found.appProtocol }
  }
  if (used.length > 0 && !used.some(choose)) {
    const numbers = new Set(used.flatMap(({ ports }) => ports.map(({ port }) => String(port))))
    const remedy = 'Set the option port to one of them, not to that of the Service'
    throw new DiscoveryError(`no endpoint has the TCP port ${wanted}, they have ${[...numbers].join(', ')}. ${remedy}`)
  }
  return choose
}

/** The name of the only port, or `http` among several. */
function theOnly(names: ReadonlySet<string>): string {
  if (names.size <= 1) return [...names][0] ?? ''
  if (names.has('http')) return 'http'
  throw new DiscoveryError(`the Service has several ports: ${shown(names)}. Set the option port to one of them`)
}

function namesIn(slices: readonly EndpointSlice[]): ReadonlySet<string> {
  return new Set(slices.flatMap(({ ports }) => ports.map(({ name }) => name)))
}

function usable(found: SlicePort | undefined): ReturnType<ChoosePort> {
  return found?.port === undefined ? undefined : { port: found.port, appProtocol: found.appProtocol }
}

function shown(names: ReadonlySet<string>): string {
  return names.size === 0 ? 'none' : [...names].slice(0, 10).map(quoted).join(', ')
}

function quoted(name: string): string {
  return JSON.stringify(name)
}
