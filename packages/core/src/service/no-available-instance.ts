import { DiscoveryError, NoAvailableInstanceError } from '../base/errors.ts'
import { typeTag } from '../base/option-checks.ts'
import type { InstanceCache } from '../cache/instance-cache.ts'
import { asDiscoveryError } from '../cache/list-state.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { Overrides } from '../control/overrides.ts'
import { type MetadataMatch, matchText } from '../instance/metadata-match.ts'
import type { RoutingOptions } from '../instance/routing-options.ts'
import type { InstanceRecord } from './record.ts'

/** What is known of a service that has no instance to pick. */
interface Knowledge {
  readonly cache: InstanceCache
  readonly roster: { readonly records: ReadonlyMap<string, InstanceRecord> }
  readonly candidates: { readonly panic: string | undefined }
  readonly overrides: Overrides
  /** Whether the discovery knew no such service when it was last asked. */
  readonly wasUnknown: boolean
}

/** Says which service, what is known of it and what to look at. */
export function noAvailableInstance(
  service: string,
  { discovery, routing }: Pick<ServiceSettings, 'discovery' | 'routing'>,
  { cache: { state, ageMs }, roster, candidates: { panic }, overrides, wasUnknown }: Knowledge,
  match: MetadataMatch | undefined,
): NoAvailableInstanceError {
  const source = typeTag(discovery)
  const cause = 'error' in state ? state.error : undefined
  if (state.kind === 'waiting') {
    const advice = wasUnknown
      ? `${source} knew none when it was asked last; is the name right, and is the service registered?`
      : `the first list from ${source} is not known yet; await ready(${JSON.stringify(service)}) first`
    return new NoAvailableInstanceError(`${service}: no available instance (${advice})`, { service, cause })
  }
  const counts = new Map<string, number>()
  let known = 0
  let drained = 0
  for (const { state: each, instance } of roster.records.values()) {
    if (each === 'draining') continue
    known++
    if (each === 'drained' && overrides.has(instance.id)) drained++
    counts.set(each, (counts.get(each) ?? 0) + 1)
  }
  const states = Array.from(counts, ([each, count]) => `${count} ${each}`).join(', ')
  const age = `${state.kind === 'expired' ? 'expired ' : ''}list ${Math.round(ageMs / 1_000)} s old from ${source}`
  const knownText = states === '' ? `${known} known` : `${known} known: ${states}`
  const panicText = panic === undefined ? '' : `; ${panic}`
  const drainedText = drained === 0 ? '' : `; ${drained} drained at run time: take that back with control().restore`
  const unmatched = known === 0 ? '' : unmatchedText(routing, match)
  const advice = known === 0 && state.kind !== 'expired' ? '. Is the name right, and is the service registered?' : ''
  return new NoAvailableInstanceError(
    `${service}: no available instance (${knownText}${unmatched}${drainedText}${panicText}; ${age})${advice}`,
    {
      service,
      cause,
    },
  )
}

/** That no instance matches. */
function unmatchedText(routing: RoutingOptions | undefined, match: MetadataMatch = {}): string {
  const { keys = [], fallback = 'none' } = routing ?? {}
  const values = Object.fromEntries(keys.flatMap((key) => (match[key] === undefined ? [] : [[key, match[key]]])))
  if (Object.keys(values).length === 0) return ''
  const instead = typeof fallback === 'object' ? `, nor with that of routing.fallback: ${matchText(fallback)}` : ''
  return `; none that can be used with ${matchText(values)}${instead}`
}

/** Says why there is no list at all. */
export function noList(service: string, { state, ageMs }: InstanceCache, discovery: object): DiscoveryError {
  const cause = state.kind === 'waiting' ? state.error : undefined
  const reason = cause === undefined ? 'it has not answered' : `it fails: ${asDiscoveryError(service, cause).message}`
  const source = typeTag(discovery)
  return new DiscoveryError(
    `${service}: no list of instances from ${source} after ${Math.round(ageMs)} ms; ${reason}`,
    { service, cause },
  )
}
