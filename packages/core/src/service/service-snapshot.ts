import type { Balancer } from '../balancer/balancer.ts'
import { typeTag } from '../base/option-checks.ts'
import type { InstanceCache } from '../cache/instance-cache.ts'
import { asDiscoveryError } from '../cache/list-state.ts'
import type { MissingInstances } from '../cache/missing-instances.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { Override } from '../control/override.ts'
import type { Overrides } from '../control/overrides.ts'
import { authorityOf } from '../instance/host.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { InstanceSnapshot, ServiceSnapshot } from '../observe/snapshot.ts'
import type { RetryBudget } from '../retry/retry-budget.ts'
import type { Candidates } from './candidates.ts'
import type { Capacity } from './capacity.ts'
import type { MetadataSubsets } from './metadata-subsets.ts'
import type { Roster } from './roster.ts'
import { warmth } from './slow-start-pick.ts'

/** The parts of a service that its snapshot shows. */
export interface ShownService {
  readonly service: string
  readonly settings: ServiceSettings
  readonly started: boolean
  readonly nowMs: number
  readonly overrides: Overrides
  readonly cache: InstanceCache
  readonly roster: Roster
  readonly candidates: Candidates
  readonly capacity: Capacity
  readonly subsets: MetadataSubsets | undefined
  readonly budget: RetryBudget | undefined
}

/** What is known of a service now: each instance, its state, and why. */
export function serviceSnapshot(shown: ShownService): ServiceSnapshot {
  const { service, settings, started, nowMs, overrides, cache, roster, candidates, capacity, budget, subsets } = shown
  const { state, ageMs } = cache
  const { panic, zone } = candidates
  const wanted = candidates.split.only?.balancer.wantedShares?.()
  const error = 'error' in state ? state.error : undefined
  return {
    service,
    status: !started || state.kind === 'closed' ? 'unused' : state.kind,
    ...(error === undefined ? undefined : { discoveryError: asDiscoveryError(service, error).message }),
    discovery: typeTag(settings.discovery),
    balancer: typeTag(candidates.split.first.balancer),
    ...probingOf(candidates.split.first.balancer),
    listAgeMs: ageMs,
    inFlight: capacity.inFlight,
    queued: capacity.queued,
    ...(capacity.limiter === undefined ? undefined : { adaptiveLimit: capacity.limiter.limit }),
    ...(budget === undefined ? undefined : { retryBudget: budget.balance }),
    ...(panic === undefined ? undefined : { panic }),
    ...(zone === undefined || settings.zone === undefined
      ? undefined
      : { zone: { local: settings.zone.local, active: zone.active, reason: zone.reason } }),
    ...(subsets === undefined ? undefined : { subsets: subsets.snapshot() }),
    overrides: overrides.list(),
    instances: roster.everyRecord.map((record) => {
      const known = record.snapshot(nowMs, warmth(record, settings.slowStart, nowMs), panic)
      const listed = roster.records.get(record.instance.id)
      if (listed !== undefined && listed !== record) return moved(known, listed.instance)
      const row = withMissing(withOverrides(known, overrides.of(record.instance.id)), cache.missing)
      return wanted === undefined ? row : { ...row, wantedShare: wanted.get(record.instance.id) ?? 0 }
    }),
  }
}

/** With what was set for the instance at run time. */
function withOverrides(snapshot: InstanceSnapshot, overrides: readonly Override[]): InstanceSnapshot {
  const [first] = overrides
  if (first === undefined) return snapshot
  const drained = overrides.find(({ kind }) => kind === 'drained')
  const text = overrideText(drained ?? first)
  const isReason = snapshot.state === 'drained'
  return { ...snapshot, overrides, reason: isReason ? text : `${snapshot.reason}; ${text}` }
}

function overrideText({ kind, weight, by }: Override): string {
  const what = kind === 'drained' ? 'drained' : `weight ${weight} set`
  return `${what} ${by === undefined ? 'at run time' : `by ${by}`}`
}

/** With where its id is listed now. */
function moved(snapshot: InstanceSnapshot, { host, port }: ServiceInstance): InstanceSnapshot {
  const movedTo = authorityOf(host, port)
  return { ...snapshot, movedTo, reason: `its id moved to ${movedTo}; requests in flight finish here` }
}

function probingOf({ probing }: Balancer): Pick<ServiceSnapshot, 'probing'> | undefined {
  return probing === undefined ? undefined : { probing }
}

/** With how long the instance has been missing from the list, if it is. */
function withMissing(snapshot: InstanceSnapshot, instances: MissingInstances): InstanceSnapshot {
  const missing = snapshot.state === 'draining' ? undefined : instances.stateOf(snapshot.instance.id)
  if (missing === undefined) return snapshot
  const text = `missing from the last list: stays for ${Math.round(missing.staysMs)} ms more at most`
  return { ...snapshot, missing, reason: `${snapshot.reason}; ${text}` }
}
