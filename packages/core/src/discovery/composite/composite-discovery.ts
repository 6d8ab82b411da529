import { systemClock } from '../../base/clock.ts'
import { DiscoveryError } from '../../base/errors.ts'
import { systemRandom } from '../../base/random.ts'
import type { ServiceInstanceInit } from '../../instance/instance.ts'
import type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from '../discovery.ts'
import { DiscoveryUses } from '../discovery-uses.ts'
import { OpenSubscriptions } from '../open-subscriptions.ts'
import type { CompositeDiscoveryEvent, CompositeDiscoveryListener } from './event.ts'
import { FailoverWatch } from './failover.ts'
import type { CompositeContext } from './member.ts'
import { MergeWatch } from './merge.ts'
import {
  type CheckedMember,
  type CompositeDiscoveryOptions,
  type CompositeMember,
  checkCompositeOptions,
  checkMembers,
} from './options.ts'
import { CompositeOutput, type SnapshotSettings } from './output.ts'
import { askAll, askInOrder } from './question.ts'

const defaults = Object.freeze({
  mode: 'failover',
  failoverAfterMs: 30_000,
  firstAnswerTimeoutMs: 2_000,
  refreshIntervalMs: 10_000,
  maxSnapshotAgeMs: 86_400_000,
})

type CombinedWatch = FailoverWatch | MergeWatch

/**
 * Several discoveries as one: registry A, else B, else what was known when the process last ran; or the lists of all of them
 * together.
 *
 *     new CompositeDiscovery([new ConsulDiscovery(), new DnsSrvDiscovery()], {
 *       snapshots: new FileSnapshotStore({ directory: '/var/lib/my-app/instances' }),
 *     })
 *
 * A failure never makes the list shorter. `close` closes the members that nothing else uses. Snapshots are for watches, as those of a
 * load balancer, and for nothing else: `getInstances` gives only what a member says now.
 */
export class CompositeDiscovery implements ServiceDiscovery {
  readonly #mode: 'failover' | 'merge'
  readonly #snapshots: SnapshotSettings | undefined
  readonly #shared: Omit<CompositeContext, 'service'>
  readonly #uses: DiscoveryUses
  readonly #subscriptions = new OpenSubscriptions()
  readonly #watches = new Map<string, Set<CombinedWatch>>()
  readonly #closing = new Set<Promise<void>>()
  readonly #controller = new AbortController()
  #closed: Promise<void> | undefined

  /** @throws InvalidOptionError */
  constructor(members: readonly (ServiceDiscovery | CompositeMember)[], options: CompositeDiscoveryOptions = {}) {
    checkCompositeOptions(options)
    const { snapshots, onEvent, maxSnapshotAgeMs = defaults.maxSnapshotAgeMs } = options
    this.#mode = options.mode ?? 'failover'
    this.#snapshots = snapshots === undefined ? undefined : { store: snapshots, maxAgeMs: maxSnapshotAgeMs }
    this.#shared = {
      members: checkMembers(members, this.#mode),
      failoverAfterMs: options.failoverAfterMs ?? defaults.failoverAfterMs,
      firstAnswerTimeoutMs: options.firstAnswerTimeoutMs ?? defaults.firstAnswerTimeoutMs,
      refreshIntervalMs: options.refreshIntervalMs ?? defaults.refreshIntervalMs,
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      emit: (event) => emitQuietly(onEvent, event),
    }
    this.#uses = new DiscoveryUses(this.#shared.members.map(({ discovery }: CheckedMember) => discovery))
  }

  get [Symbol.toStringTag](): string {
    return 'CompositeDiscovery'
  }

  /** Whether one of its members is. */
  get refreshable(): boolean {
    return this.#shared.members.some(({ discovery }) => discovery.refreshable !== false)
  }

  /**
   * Asks now: the member that a watch of the service has in use, else the first that has an answer; with mode `merge` all.
   *
   * @throws DiscoveryError when it cannot be known which instances there are; the reason of `signal` when that is aborted;
   * LoadBalancerClosedError
   */
  async getInstances(
    service: string,
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<readonly ServiceInstanceInit[]> {
    signal?.throwIfAborted()
    this.#subscriptions.throwIfClosed(service)
    const limits = { signals: [signal, this.#controller.signal] }
    const [watch] = this.#watches.get(service) ?? []
    try {
      const { instances } = await (watch?.ask(limits) ?? this.#ask(service, limits))
      return instances
    } catch (cause) {
      if (signal?.aborted !== true) this.#subscriptions.throwIfClosed(service)
      throw cause
    }
  }

  /** Members that cannot push are polled. */
  watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    return this.#subscriptions.open(service, observer, (_service, guarded) => this.#begin(service, guarded))
  }

  /**
   * Ends every watch, saves what is not saved yet, and closes the members that nothing else uses.
   *
   * @throws DiscoveryError when a member could not be closed; the others are, nonetheless
   */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll()
    return this.#closed
  }

  #begin(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    const context: CompositeContext = { ...this.#shared, service }
    const output = new CompositeOutput(context, observer, this.#snapshots)
    const watch: CombinedWatch =
      this.#mode === 'merge' ? new MergeWatch(context, output) : new FailoverWatch(context, output)
    const watches = this.#watches.get(service) ?? new Set()
    this.#watches.set(service, watches.add(watch))
    watch.start()
    return { close: () => this.#end(service, watch) }
  }

  #ask(service: string, limits: Parameters<typeof askInOrder>[1]): ReturnType<typeof askInOrder> {
    const context: CompositeContext = { ...this.#shared, service }
    return this.#mode === 'merge' ? askAll(context, limits, () => undefined) : askInOrder(context, limits)
  }

  #end(service: string, watch: CombinedWatch): void {
    const watches = this.#watches.get(service)
    if (watches?.delete(watch) !== true) return
    if (watches.size === 0) this.#watches.delete(service)
    const closing = watch.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  async #closeAll(): Promise<void> {
    this.#subscriptions.close()
    this.#controller.abort(new DiscoveryError('the discovery was closed'))
    const [ended] = await Promise.allSettled([this.#uses.end(this.#shared.clock), ...this.#closing])
    if (ended.status === 'rejected') throw ended.reason
  }
}

function emitQuietly(listener: CompositeDiscoveryListener | undefined, event: CompositeDiscoveryEvent): void {
  try {
    listener?.(event)
  } catch {
    // A listener's errors are its own; the list continues.
  }
}
