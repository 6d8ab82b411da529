import type { ChannelOptions, experimental } from '@grpc/grpc-js'
import type { AttemptInfo, LoadBalancer, PickResult, TryAcquireRequest } from '@lb/core'
import { counted, messageOf, type StartedCall } from '@lb/core/authoring'
import { AttemptPick, Call, giveBack } from './call.ts'
import type { Connection } from './connection.ts'
import { Connections } from './connections.ts'
import type { RegistrationSettings } from './options.ts'
import { unavailable } from './outcome.ts'
import { wishesOf } from './wishes.ts'

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

/** Ejections that a connection may have caused. While it fails, no other request reaches the instance, a probe included. */
const connectionReasons: ReadonlySet<string> = new Set(['consecutive-connect-errors', 'failed-probe'])

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
  /** Read once: a module looks its enumerations up for each use. */
  readonly #types: RegistrationSettings['grpc']['experimental']['PickResultType']
  /** Counts what may change the answer to a pick. */
  #version = 0
  /** When no instance could be reached, and nothing was left to say of it. */
  #unreachableAt = -1
  /** Whether the first list is known. */
  #hasList = false
  /** Whether lb's view of the instances may ask for other connections. */
  #isStale = true
  #isScheduled = false
  #isClosed = false
  #release: () => void = () => {}

  constructor(channel: ChannelOfService, helper: experimental.ChannelControlHelper, channelOptions: ChannelOptions) {
    const { lb, service, settings } = channel
    this.#channel = channel
    this.#helper = helper
    this.#types = settings.grpc.experimental.PickResultType
    this.#connections = new Connections({
      service,
      settings,
      channelOptions,
      createSubchannel: (address, options) => helper.createSubchannel(address, options),
      onChange: () => this.#connectionChanged(),
      onReturn: (id) => this.#endEjection(id),
    })
    this.#unsubscribe = lb.subscribe((event) => {
      if (!('service' in event) || event.service === service) this.#changed()
      // Before the next pick: newcomers have no connection yet.
      if (event.type === 'instances-changed' && event.service === service) this.#reconcile()
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
  pick({ extraPickInfo }: experimental.PickArgs): GrpcPickResult {
    // What lb's resolver gave to the call.
    const call: unknown = extraPickInfo
    if (!(call instanceof Call)) throw new TypeError('a call of another resolver')
    if (call.started === undefined) return this.#refused(call, call.refusedBy)
    if (call.isWaiting) return this.#queue()
    if (call.refusal !== undefined && call.refusedAt === this.#version) return call.refusal
    try {
      return this.#pick(call, call.started)
    } catch (error) {
      return this.#refused(call, error)
    }
  }

  #pick(call: Call, started: StartedCall): GrpcPickResult {
    const connections = this.#connections
    if (this.#unreachableAt === this.#version) return this.#unreachable()
    // No request is counted that could not be sent.
    if (!this.#hasList) return this.#wait(call, listed(started, call.signal))
    if (connections.isFirst) return this.#queue()
    let seen: Set<string> | undefined
    let avoid: Set<string> | undefined
    let acquired = call.takeHeld()
    for (;;) {
      const request = this.#request(call, avoid)
      const kind = call.isHedged && call.latest?.isRunning === true ? 'hedge' : 'retry'
      acquired ??= tryAcquire(started, request, kind)
      if (acquired === undefined) {
        return this.#wait(call, started.acquire({ ...request, signal: call.signal }, kind))
      }
      const connection = connections.to(acquired.instance)
      if (connection.isReady) return this.#complete(call, acquired, connection)
      const { id } = acquired.instance
      const isNew = seen?.has(id) !== true
      if (isNew && connection.failure === undefined && connections.reach !== 'ready') {
        call.hold(acquired)
        return this.#queue()
      }
      const isRouted = request?.match !== undefined
      if (!isNew && isRouted && connection.failure === undefined) {
        // Others are ready, but not for this call.
        call.hold(acquired)
        return this.#queue()
      }
      if (!isNew || connection.isSpent) {
        // What is of no use is picked only when there is nothing else.
        giveBack(acquired)
        // Others may go to instances that do not match this call.
        if (seen === undefined && !isRouted) this.#unreachableAt = this.#version
        return this.#unreachable()
      }
      this.#report(acquired, connection)
      seen = (seen ?? new Set()).add(id)
      avoid = (avoid ?? new Set([...connections.unready, ...(call.tried ?? [])])).add(id)
      acquired = undefined
    }
  }

  /** What took the instance out is over if that was its connection: others that are still out must not stand for it. */
  #endEjection(id: string): void {
    const { lb, service } = this.#channel
    const { ejection } = lb.inspect(service).instances.find(({ instance }) => instance.id === id) ?? {}
    if (ejection === undefined || !connectionReasons.has(ejection.reason)) return
    lb.control(service, { by: 'the connection of gRPC, which is established again' }).endEjection(id)
  }

  #complete(call: Call, acquired: PickResult, connection: Connection): GrpcPickResult {
    const subchannel = call.secondTries === undefined ? connection.picked : connection.repeatable
    return new AttemptPick(this.#types.COMPLETE, call, acquired, subchannel)
  }

  /** `acquired` has no connection: that counts as a failure, unless the first one is still being established. */
  #report(acquired: PickResult, connection: Connection): void {
    const error = connection.takeFailure()
    if (error === undefined) giveBack(acquired)
    else acquired.done({ ok: false, latencyMs: 0, error })
    this.#connections.note(connection)
  }

  /** What is asked of lb. */
  #request(call: Call, avoid: ReadonlySet<string> | undefined): TryAcquireRequest | undefined {
    const { settings, service } = this.#channel
    const { unready } = this.#connections
    const wishes = settings.hasWishes ? wishesOf(settings, service, call) : undefined
    if (avoid !== undefined) return { ...wishes, avoid }
    if (call.latest !== undefined) return { ...wishes, avoid: new Set([...unready, ...(call.tried ?? [])]) }
    return unready.size === 0 ? wishes : { ...wishes, avoid: unready }
  }

  #wait(call: Call, waiting: Promise<PickResult | undefined>): GrpcPickResult {
    call.isWaiting = true
    waiting.then(
      (acquired) => {
        call.isWaiting = false
        if (acquired !== undefined) call.hold(acquired)
        this.#refresh()
      },
      (error: unknown) => {
        call.isWaiting = false
        call.refusal = this.#refused(call, error)
        call.refusedAt = this.#version
        this.#refresh()
      },
    )
    return this.#queue()
  }

  #unreachable(): GrpcPickResult {
    const { service } = this.#channel
    // Some may still be reached.
    if (this.#connections.reach === 'connecting') return this.#queue()
    const [why] = Array.from(this.#connections.all, ({ failure }) => failure?.message ?? []).flat()
    const reason = why === undefined ? '' : `; ${why}`
    return this.#failed(`${service}: none of ${counted(this.#connections.size, 'instance')} can be reached${reason}`)
  }

  #queue(): GrpcPickResult {
    return { pickResultType: this.#types.QUEUE, subchannel: null, status: null, onCallStarted: null, onCallEnded: null }
  }

  /** The call fails, unless it waits for a service that is ready. */
  #failed(details: string): GrpcPickResult {
    return this.#withStatus(this.#types.TRANSIENT_FAILURE, details)
  }

  #refused(call: Call, error: unknown): GrpcPickResult {
    call.refusedBy = error
    const code = codeOf(error)
    const mayPass = code === 'LB_NO_AVAILABLE_INSTANCE' || code === 'LB_DISCOVERY'
    // The others are no matter of waiting: the load balancer is closed, refuses load, or the application's own code threw.
    return mayPass ? this.#failed(messageOf(error)) : this.#withStatus(this.#types.DROP, messageOf(error))
  }

  #withStatus(pickResultType: experimental.PickResultType, details: string): GrpcPickResult {
    const { Metadata } = this.#channel.settings.grpc
    const status = { code: unavailable, details, metadata: new Metadata() }
    return { pickResultType, subchannel: null, status, onCallStarted: null, onCallEnded: null }
  }

  #changed(): void {
    this.#version++
    this.#refresh()
  }

  /** Leaves lb's view as it is: a look at all instances for each of thousands would take seconds. */
  #connectionChanged(): void {
    this.#version++
    this.#schedule()
  }

  #refresh(): void {
    this.#isStale = true
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

  #reconcile(): void {
    const { status, instances } = this.#channel.lb.inspect(this.#channel.service)
    this.#hasList = status !== 'waiting'
    this.#isStale = false
    this.#connections.reconcile(instances)
  }

  #update(): void {
    const { service, settings } = this.#channel
    if (this.#isStale) this.#reconcile()
    const { CONNECTING, READY, TRANSIENT_FAILURE } = settings.grpc.connectivityState
    const { reach } = this.#connections
    const isFailing = this.#hasList && reach !== 'connecting'
    const state = reach === 'ready' ? READY : isFailing ? TRANSIENT_FAILURE : CONNECTING
    this.#helper.updateState(state, this, state === TRANSIENT_FAILURE ? `${service}: no instance can be reached` : null)
  }
}

/** `undefined` also if there is no instance: `acquire` may wait for a newer list, and says why it is in vain. */
function tryAcquire(
  started: StartedCall,
  request: TryAcquireRequest | undefined,
  kind: AttemptInfo['kind'],
): PickResult | undefined {
  try {
    return started.tryAcquire(request, kind)
  } catch (error) {
    if (codeOf(error) === 'LB_NO_AVAILABLE_INSTANCE') return undefined
    throw error
  }
}

async function listed(started: StartedCall, signal: AbortSignal): Promise<undefined> {
  await started.ready(signal)
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
