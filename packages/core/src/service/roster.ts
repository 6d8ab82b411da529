import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { diffInstances, type InstancesDiff } from '../cache/diff-instances.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { HealthState } from '../health/checks/checker.ts'
import { isSameAddress, type ServiceInstance } from '../instance/instance.ts'
import { subsetOf } from '../instance/subset.ts'
import type { LearnedWeights } from '../load-report/learned-weights.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { Candidates } from './candidates.ts'
import { Ejections } from './ejections.ts'
import { KeptInstances } from './kept-instances.ts'
import { MovedRecords } from './moved-records.ts'
import { InstanceRecord } from './record.ts'
import type { RosterListener } from './roster-listener.ts'

export interface RosterOptions {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly events: EventChannel
  readonly candidates: Candidates
  readonly listener: RosterListener
}

/**
 * The instances of one service with everything known about each: the registry's word, active checks, ejections, requests
 * in flight. Facts change it; the picker has them judged before the next pick.
 */
export class Roster {
  readonly #options: RosterOptions
  /** By id, those that drain included. */
  readonly records: ReadonlyMap<string, InstanceRecord>
  /** Instances whose ejection is over and that wait for the request that tries them. */
  readonly halfOpen: ReadonlySet<InstanceRecord>
  /** Those in their slow start. */
  readonly warming: ReadonlySet<InstanceRecord>
  /** Nothing is judged meanwhile: an ejection that ends by a removal lets waiting calls in, listeners may pick. */
  isApplying = false
  readonly #records = new Map<string, InstanceRecord>()
  readonly #moved = new MovedRecords()
  readonly #ejections: Ejections
  readonly #warming = new Set<InstanceRecord>()
  readonly #kept: KeptInstances
  /** The list as far as it is used: all of it, or the subset of this client. */
  #list: readonly ServiceInstance[] = []
  /** The records of the list, in its order. */
  #listed: readonly InstanceRecord[] = []
  #first = true
  /** Whether the last list was not taken by a balancer: it is to be given again. */
  #isAhead = false

  constructor(options: RosterOptions) {
    this.#options = options
    this.#kept = new KeptInstances(options.clock, (record) => this.#endKeeping(record))
    this.#ejections = new Ejections({
      ...options,
      records: this.#records,
      usable: () => options.candidates.usable,
      onChange: () => this.changed(),
      onReturned: (record) => this.#warm(record),
    })
    this.records = this.#records
    this.halfOpen = this.#ejections.halfOpenRecords
    this.warming = this.#warming
  }

  /** The records, and those that drain at an address that is no longer that of their id. */
  get everyRecord(): readonly InstanceRecord[] {
    return [...this.#records.values(), ...this.#moved]
  }

  /** The list changed. `taken` is to be called when the balancers took it; else the change is to be given again. */
  apply(diff: InstancesDiff): void {
    const now = this.#options.clock.now()
    const { subset } = this.#options.settings
    const list = subset === undefined ? diff.instances : subsetOf(diff.instances, subset)
    // After a list that a balancer did not take, this one differs from another than the last that counts.
    const isNext = subset === undefined && !this.#isAhead
    const change = isNext ? diff : diffInstances(this.#list, list)
    this.#list = change?.instances ?? this.#list
    this.#isAhead = true
    // Those that left the subset of this client are not gone.
    const registered = new Set(subset === undefined ? [] : diff.instances.map(({ id }) => id))
    this.isApplying = true
    try {
      if (change !== undefined) this.#listed = this.#changed(change, now, registered)
      // Registered again, but not in the subset: it is no longer needed at its old address.
      for (const record of Array.from(this.#kept.records)) {
        if (registered.has(record.instance.id) && this.#kept.release(record)) this.#drop(record, now)
      }
    } finally {
      this.isApplying = false
    }
    if (this.#list.length > 0) this.#first = false
    const kept = [...this.#kept.records]
    this.#options.candidates.replace(kept.length === 0 ? this.#listed : [...this.#listed, ...kept])
    this.#options.listener.factsChanged()
  }

  /** The balancers took the list. */
  taken(): void {
    this.#isAhead = false
  }

  /** What is known of `instance` at its address, which may no longer be that of its id. */
  recordOf(instance: ServiceInstance): InstanceRecord | undefined {
    const record = this.#records.get(instance.id)
    return record !== undefined && isSameAddress(record.instance, instance) ? record : this.#moved.at(instance)
  }

  /** Requests in flight that have no answer yet. */
  get awaiting(): number {
    return this.everyRecord.reduce((sum, { awaiting }) => sum + awaiting, 0)
  }

  /** Gives every instance the weight that was learnt, or back its own. */
  learnWeights(learned: LearnedWeights): void {
    if (this.#options.candidates.learnWeights(learned)) this.changed()
  }

  /** A removed instance has finished its last request. */
  forget(record: InstanceRecord): void {
    if (!this.#moved.delete(record)) this.#records.delete(record.instance.id)
  }

  /** An instance answers nothing while others do: takes it out if that may be. What waits for it may leave in any case. */
  silent(record: InstanceRecord, forMs: number): void {
    const { settings, listener } = this.#options
    if (settings.outlierDetection !== false && settings.outlierDetection.noAnswer === false) return
    this.#ejections.silent(record, forMs)
    listener.fellSilent(record, forMs)
  }

  /** The slow start of `record` is over. */
  warmed(record: InstanceRecord): void {
    record.warming = undefined
    this.#warming.delete(record)
  }

  close(): void {
    this.#ejections.close()
    for (const record of this.#records.values()) record.health?.close()
    this.#kept.close()
  }

  /** A fact changed that is to be judged. */
  changed(): void {
    const { listener } = this.#options
    listener.factsChanged()
    if (!this.isApplying) listener.instancesChanged()
  }

  /** The records of the list once `change` is made: those that stay, then the newcomers. */
  #changed(change: InstancesDiff, now: number, registered: ReadonlySet<string>): readonly InstanceRecord[] {
    const left = new Set<InstanceRecord>()
    // Newcomers first: they count for how many may be ejected.
    const joined = change.added.map((instance) => this.#add(instance, now, left))
    for (const instance of change.removed) this.#remove(instance, now, left, !registered.has(instance.id))
    for (const instance of change.updated) this.#update(instance)
    const stay = left.size === 0 ? this.#listed : this.#listed.filter((record) => !left.has(record))
    return stay.concat(joined)
  }

  /** Its record. That of another address of its id has `left`. */
  #add(instance: ServiceInstance, now: number, left: Set<InstanceRecord>): InstanceRecord {
    const before = this.#records.get(instance.id)
    const moved = before !== undefined && !isSameAddress(before.instance, instance)
    // It may be back while it still drains, or is kept; its requests in flight are then its own again.
    const known = moved ? this.#moved.at(instance) : before
    if (known !== undefined && this.#kept.release(known)) {
      this.#update(instance)
      return known
    }
    const record = known ?? new InstanceRecord(instance, now)
    record.replace(instance)
    if (moved) {
      left.add(before)
      this.#displace(before, record, now)
    } else this.#ejections.track(record)
    this.#records.set(instance.id, record)
    this.#watchHealth(record)
    if (!this.#first) this.#warm(record)
    return record
  }

  /** The id of `before` is now that of `record`, at another address: what was learnt of the old one says nothing. */
  #displace(before: InstanceRecord, record: InstanceRecord, now: number): void {
    this.#moved.delete(record)
    this.#kept.release(before)
    this.#ejections.replace(before, record)
    if (before.inFlight > 0) this.#moved.add(before)
    this.#retire(before, now)
  }

  #update(instance: ServiceInstance): void {
    const record = this.#records.get(instance.id)
    if (record === undefined) return
    const { healthy } = record.instance
    record.replace(instance)
    if (healthy === false && instance.healthy !== false) this.#warm(record)
  }

  #remove(instance: ServiceInstance, now: number, left: Set<InstanceRecord>, gone: boolean): void {
    const record = this.#records.get(instance.id)
    // Its id may be another's by now.
    if (record === undefined || !isSameAddress(record.instance, instance)) return
    left.add(record)
    const keepMs = this.#options.settings.healthCheck?.keepRemovedMs ?? 0
    if (gone && keepMs > 0 && record.health?.state.status === 'healthy') this.#keep(record, keepMs)
    else this.#drop(record, now)
  }

  #keep(record: InstanceRecord, forMs: number): void {
    const { events, service } = this.#options
    this.#kept.keep(record, forMs)
    if (events.active) events.emit({ type: 'instance-kept', service, instance: record.instance, forMs })
  }

  #endKeeping(record: InstanceRecord): void {
    const { events, service, clock } = this.#options
    events.together(() => {
      this.#options.candidates.remove(record)
      this.#drop(record, clock.now())
      const { instance, inFlight } = record
      if (inFlight === 0 && events.active) events.emit({ type: 'instance-drained', service, instance })
      this.changed()
    })
  }

  #drop(record: InstanceRecord, now: number): void {
    this.#ejections.untrack(record)
    if (record.inFlight === 0) this.#records.delete(record.instance.id)
    this.#retire(record, now)
  }

  /** It gets no more requests; those in flight finish. */
  #retire(record: InstanceRecord, now: number): void {
    record.health?.close()
    record.health = undefined
    this.warmed(record)
    record.isCandidate = false
    if (record.inFlight > 0) record.enter('draining', now)
  }

  #watchHealth(record: InstanceRecord): void {
    const { settings, listener } = this.#options
    const before = record.health
    record.health = settings.healthCheck?.watch(
      record.instance,
      (state) => this.#healthChanged(record, state),
      () => listener.traffic,
      () => this.#ejections.passed(record),
    )
    // Only then, so that what is known of an address others do not watch is not forgotten.
    before?.close()
  }

  #healthChanged(record: InstanceRecord, { status, reason }: HealthState): void {
    const { events, service } = this.#options
    const { instance } = record
    if (status === 'unknown') return
    events.hold()
    try {
      if (events.active) events.emit({ type: 'instance-health-changed', service, instance, status, reason })
      if (status === 'healthy') {
        record.tracker?.uneject()
        // The first verdict on an instance that was used all along is no recovery.
        if (record.failedChecks) this.#warm(record)
      } else if (this.#kept.release(record)) {
        this.#endKeeping(record)
      }
      record.failedChecks = status === 'unhealthy'
      this.changed()
      if (record.failedChecks) this.#options.listener.becameUnhealthy()
    } finally {
      events.release()
    }
  }

  #warm(record: InstanceRecord): void {
    const { settings, clock } = this.#options
    if (settings.slowStart === undefined) return
    record.warming = { sinceMs: clock.now(), picked: false }
    this.#warming.add(record)
    this.changed()
  }
}
