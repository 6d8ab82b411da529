import type { ChannelOptions, experimental } from '@grpc/grpc-js'
import type { LoadBalancer, PickRequest, PickResult } from '@lb/core'
import { messageOf } from '@lb/core/authoring'
import { AttemptPick, Call, giveBack } from './call.ts'
import type { Connection } from './connection.ts'
import { Connections } from './connections.ts'
import type { RegistrationSettings } from './options.ts'
import { unavailable } from './outcome.ts'

type GrpcPickResult = experimental.PickResult

/** What a channel is given besides the options of its owner. */
export interface ChannelOfService {
  readonly lb: LoadBalancer
  readonly service: string
  readonly settings: RegistrationSettings
}

/** What may change which instances are picked. */
const changes = [
  'instances-changed',
  'instance-ejected',
  'instance-half-open',
  'instance-returned',
  'instance-kept',
  'instance-drained',
  'instance-health-changed',
  'panic-changed',
  'zone-routing-changed',
  'override-changed',
  'closed',
] as const

/**
 * Chooses an instance for each call of one channel, as lb says, and keeps the connections. It is the picker of the channel, too.
 *
 * An instance that was picked but has no connection costs the call nothing: it counts as failed, as over HTTP, and another one is
 * picked. While first connections are being established, instances that have one are preferred.
 */
export class ChannelPolicy implements experimental.Picker {
  readonly #channel: ChannelOfService
  readonly #helper: experimental.ChannelControlHelper
  readonly #connections: Connections
  readonly #unsubscribe: () => void
  /** Counts what may change the answer to a pick. */
  #version = 0
  #isScheduled = false
  #isClosed = false
  #release: () => void = () => {}

  constructor(channel: ChannelOfService, helper: experimental.ChannelControlHelper, channelOptions: ChannelOptions) {
    const { lb, service, settings } = channel
    this.#channel = channel
    this.#helper = helper
    this.#connections = new Connections({
      service,
      settings,
      channelOptions,
      createSubchannel: (address, options) => helper.createSubchannel(address, options),
      onChange: () => this.#changed(),
    })
    this.#unsubscribe = lb.subscribe((event) => {
      if (!('service' in event) || event.service === service) this.#changed()
    }, changes)
    try {
      this.#release = lb.hold(service)
    } catch {
      // Each pick says why.
    }
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
    this.#unsubscribe()
    this.#release()
    this.#connections.close()
  }

  /** Hot. */
  pick({ extraPickInfo, metadata }: experimental.PickArgs): GrpcPickResult {
    const info: unknown = extraPickInfo
    const call = info instanceof Call ? info : new Call('', metadata, undefined)
    if (call.isWaiting) return this.#queue()
    if (call.refusal !== undefined && call.refusedAt === this.#version) return call.refusal
    try {
      return this.#pick(call)
    } catch (error) {
      return this.#refused(error)
    }
  }

  #pick(call: Call): GrpcPickResult {
    const { lb, service } = this.#channel
    let seen: Set<string> | undefined
    let acquired = call.takeHeld()
    for (;;) {
      const request = this.#request(call, seen)
      acquired ??= this.#tryAcquire(request)
      if (acquired === undefined) return this.#wait(call, lb.acquire(service, { ...request, signal: call.signal }))
      const connection = this.#connections.to(acquired.instance)
      if (connection.isReady) {
        const complete = this.#channel.settings.grpc.experimental.PickResultType.COMPLETE
        return new AttemptPick(complete, call, acquired, connection.subchannel)
      }
      const { id } = acquired.instance
      if (seen?.has(id) === true) {
        giveBack(acquired)
        return this.#unreachable(connection)
      }
      if (connection.failure === undefined && !this.#hasReady(seen)) {
        call.hold(acquired)
        return this.#queue()
      }
      if (connection.failure === undefined) giveBack(acquired)
      else acquired.done({ ok: false, latencyMs: 0, error: connection.failure })
      seen = new Set(seen).add(id)
      acquired = undefined
    }
  }

  /** `undefined` also if there is no instance: `acquire` may wait for a newer list, and says why it is in vain. */
  #tryAcquire(request: PickRequest | undefined): PickResult | undefined {
    const { lb, service } = this.#channel
    try {
      return lb.tryAcquire(service, request)
    } catch (error) {
      if (codeOf(error) === 'LB_NO_AVAILABLE_INSTANCE') return undefined
      throw error
    }
  }

  /** What is asked of lb. Which instances' metadata must match would be said here, too. */
  #request(call: Call, seen: ReadonlySet<string> | undefined): PickRequest | undefined {
    const { settings, service } = this.#channel
    const { unready } = this.#connections
    const { tried } = call
    const hashKey = settings.hashKey?.({ service, method: call.method, metadata: call.metadata })
    if (seen === undefined && tried === undefined && unready.size === 0)
      return hashKey === undefined ? undefined : { hashKey }
    const isPlain = seen === undefined && tried === undefined
    const avoid = isPlain ? unready : new Set([...unready, ...(seen ?? []), ...(tried ?? [])])
    return hashKey === undefined ? { avoid } : { hashKey, avoid }
  }

  #wait(call: Call, waiting: Promise<PickResult>): GrpcPickResult {
    call.isWaiting = true
    waiting.then(
      (acquired) => {
        call.isWaiting = false
        call.hold(acquired)
        this.#schedule()
      },
      (error: unknown) => {
        call.isWaiting = false
        call.refusal = this.#refused(error)
        call.refusedAt = this.#version
        this.#schedule()
      },
    )
    return this.#queue()
  }

  /** Whether an instance has a connection, of those that are not among `seen`. */
  #hasReady(seen: ReadonlySet<string> | undefined): boolean {
    for (const connection of this.#connections.all) {
      if (connection.isReady && seen?.has(connection.instance.id) !== true) return true
    }
    return false
  }

  #unreachable(last: Connection): GrpcPickResult {
    // Some may still be reached.
    if (this.#connections.unready.size > 0) return this.#queue()
    const { service } = this.#channel
    const why = last.failure === undefined ? '' : `; ${last.failure.message}`
    return this.#failed(`${service}: none of ${this.#connections.size} instances can be reached${why}`)
  }

  #queue(): GrpcPickResult {
    const { QUEUE } = this.#channel.settings.grpc.experimental.PickResultType
    return { pickResultType: QUEUE, subchannel: null, status: null, onCallStarted: null, onCallEnded: null }
  }

  /** The call fails, unless it waits for a service that is ready. */
  #failed(details: string): GrpcPickResult {
    const { TRANSIENT_FAILURE } = this.#channel.settings.grpc.experimental.PickResultType
    return this.#withStatus(TRANSIENT_FAILURE, details)
  }

  #refused(error: unknown): GrpcPickResult {
    const { DROP } = this.#channel.settings.grpc.experimental.PickResultType
    const code = codeOf(error)
    const mayPass = code === 'LB_NO_AVAILABLE_INSTANCE' || code === 'LB_DISCOVERY'
    // The others are no matter of waiting: the load balancer is closed, refuses load, or the application's own code threw.
    return mayPass ? this.#failed(messageOf(error)) : this.#withStatus(DROP, messageOf(error))
  }

  #withStatus(pickResultType: experimental.PickResultType, details: string): GrpcPickResult {
    const { Metadata } = this.#channel.settings.grpc
    const status = { code: unavailable, details, metadata: new Metadata() }
    return { pickResultType, subchannel: null, status, onCallStarted: null, onCallEnded: null }
  }

  #changed(): void {
    this.#version++
    this.#schedule()
  }

  /** Soon, and once for all that happens together, calls that wait are picked for again. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      if (!this.#isClosed) this.#update()
    })
  }

  #update(): void {
    const { lb, service, settings } = this.#channel
    const { instances, status } = lb.inspect(service)
    this.#connections.reconcile(instances)
    const { CONNECTING, READY, TRANSIENT_FAILURE } = settings.grpc.connectivityState
    const isFailing = status !== 'waiting' && this.#connections.unready.size === 0
    const state = this.#hasReady(undefined) ? READY : isFailing ? TRANSIENT_FAILURE : CONNECTING
    this.#helper.updateState(state, this, state === TRANSIENT_FAILURE ? `${service}: no instance can be reached` : null)
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
