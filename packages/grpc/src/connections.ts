import { isIP } from 'node:net'
import type { ChannelOptions, experimental } from '@grpc/grpc-js'
import type { InstanceSnapshot, ServiceInstance } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import { Connection } from './connection.ts'
import type { RegistrationSettings } from './options.ts'

export interface ConnectionsOptions {
  readonly service: string
  readonly settings: RegistrationSettings
  readonly createSubchannel: experimental.ChannelControlHelper['createSubchannel']
  /** Those of the channel. */
  readonly channelOptions: ChannelOptions
  readonly onChange: () => void
  /** An instance can be reached again. */
  readonly onReturn: (id: string) => void
}

/** grpc-js waits up to two minutes between two tries of a connection, which is long for an instance that was restarted. */
const reconnect: ChannelOptions = { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 5_000 }

/** States in which an instance is connected besides those in which it is picked: they are tried for their return. */
const returning: ReadonlySet<string> = new Set(['ejected', 'half-open'])

/** The connections of one channel: to each instance that may be picked, and to those that may come back. */
export class Connections {
  /** Ids of the instances that are of no use now: others are preferred. */
  readonly unready: Set<string> = new Set()
  readonly #options: ConnectionsOptions
  readonly #byId = new Map<string, Connection>()

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  get all(): Iterable<Connection> {
    return this.#byId.values()
  }

  get size(): number {
    return this.#byId.size
  }

  /** Whether an instance is `ready`, or may soon be: `connecting`. */
  get reach(): 'ready' | 'connecting' | 'none' {
    let reach: 'connecting' | 'none' = 'none'
    for (const { isReady, failure } of this.#byId.values()) {
      if (isReady) return 'ready'
      if (failure === undefined) reach = 'connecting'
    }
    return reach
  }

  /** Hot. Whether there are instances, and the first connection to any of them is still being established. */
  get isFirst(): boolean {
    return this.unready.size > 0 && this.unready.size === this.#byId.size && this.reach === 'connecting'
  }

  /** Hot. */
  to(instance: ServiceInstance): Connection {
    const known = this.#byId.get(instance.id)
    if (known !== undefined && isSameAddress(known.instance, instance)) return known
    return this.#connect(instance, known)
  }

  /** Connects to those that may be picked by now, and closes the connections to all others. */
  reconcile(instances: readonly Pick<InstanceSnapshot, 'instance' | 'candidate' | 'state'>[]): void {
    const wanted = new Set<string>()
    for (const { instance, candidate, state } of instances) {
      if (!candidate && !returning.has(state)) continue
      wanted.add(instance.id)
      this.to(instance)
    }
    for (const [id, connection] of this.#byId) if (!wanted.has(id)) this.#close(id, connection)
  }

  close(): void {
    for (const [id, connection] of this.#byId) this.#close(id, connection)
  }

  #connect(instance: ServiceInstance, before: Connection | undefined): Connection {
    const { settings, createSubchannel, onChange, onReturn } = this.#options
    const { id, host, port } = instance
    const connection = new Connection({
      instance,
      subchannel: createSubchannel({ host, port }, this.#subchannelOptions(instance)),
      clock: systemClock,
      states: settings.grpc.connectivityState,
      connectTimeoutMs: settings.connectTimeoutMs,
      onChange: () => {
        if (this.#byId.get(id) === connection) this.note(connection)
        onChange()
      },
      onReturn: () => onReturn(id),
    })
    // After the new one has its part of it: the same address shares one connection.
    before?.close()
    this.#byId.set(id, connection)
    this.note(connection)
    return connection
  }

  /** Brings `unready` up to date. */
  note(connection: Connection): void {
    const { instance, isReady, failure, isSpent } = connection
    if (isReady || (failure !== undefined && !isSpent)) this.unready.delete(instance.id)
    else this.unready.add(instance.id)
  }

  #close(id: string, connection: Connection): void {
    this.#byId.delete(id)
    this.unready.delete(id)
    connection.close()
  }

  #subchannelOptions(instance: ServiceInstance): ChannelOptions {
    const { channelOptions, service, settings } = this.#options
    const { serverName = isIP(instance.host) === 0 ? 'instance' : 'service' } = settings
    return {
      ...reconnect,
      'grpc.ssl_target_name_override': serverName === 'instance' ? instance.host : service,
      ...channelOptions,
    }
  }
}

function isSameAddress(one: ServiceInstance, other: ServiceInstance): boolean {
  return one === other || (one.host === other.host && one.port === other.port)
}
