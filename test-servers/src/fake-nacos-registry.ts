/** One instance, with the fields and the order of fields of Nacos' answers. */
export interface FakeNacosInstance {
  readonly ip: string
  readonly port: number
  readonly weight: number
  readonly healthy: boolean
  readonly enabled: boolean
  readonly ephemeral: boolean
  readonly clusterName: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface FakeNacosService {
  readonly namespace: string
  /** `group@@service`. */
  readonly name: string
}

/** How long an instance lives without a beat, in milliseconds. */
export interface FakeNacosLifetimes {
  readonly beatIntervalMs: number
  readonly unhealthyAfterMs: number
  readonly deletedAfterMs: number
}

/** The `hosts` of an answer, and whether the protection made everybody healthy. */
export interface FakeNacosSelection {
  readonly hosts: readonly object[]
  readonly reachProtectionThreshold: boolean
}

interface Kept extends FakeNacosInstance {
  readonly lastBeatMs: number
}

interface Entry {
  readonly service: FakeNacosService
  protectThreshold: number
  readonly instances: Map<string, Kept>
}

const checkEveryMs = 50

/** What a Nacos server knows: instances by namespace, group, service and cluster, and when each of them last beat. */
export class FakeNacosRegistry {
  readonly #lifetimes: FakeNacosLifetimes
  readonly #onChange: (service: FakeNacosService) => void
  readonly #entries = new Map<string, Entry>()
  readonly #timer: NodeJS.Timeout

  constructor(lifetimes: FakeNacosLifetimes, onChange: (service: FakeNacosService) => void) {
    this.#lifetimes = lifetimes
    this.#onChange = onChange
    this.#timer = setInterval(() => this.#expire(), checkEveryMs)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  register(service: FakeNacosService, instance: FakeNacosInstance): void {
    this.#entry(service).instances.set(keyOf(instance), { ...instance, lastBeatMs: performance.now() })
    this.#onChange(service)
  }

  /** Whether the instance is known; a beat makes it healthy. */
  beat(service: FakeNacosService, instance: Pick<FakeNacosInstance, 'ip' | 'port' | 'clusterName'>): boolean {
    const { instances } = this.#entry(service)
    const key = keyOf(instance)
    const known = instances.get(key)
    if (known === undefined) return false
    instances.set(key, { ...known, healthy: true, lastBeatMs: performance.now() })
    if (!known.healthy) this.#onChange(service)
    return true
  }

  deregister(service: FakeNacosService, instance: Pick<FakeNacosInstance, 'ip' | 'port' | 'clusterName'>): void {
    if (this.#entry(service).instances.delete(keyOf(instance))) this.#onChange(service)
  }

  /** Replaces the whole list of a service. A `protectThreshold` below 0, which Nacos does not have, protects nobody. */
  set(service: FakeNacosService, instances: readonly FakeNacosInstance[], protectThreshold = 0): void {
    const entry = this.#entry(service)
    entry.protectThreshold = protectThreshold
    entry.instances.clear()
    for (const instance of instances) {
      entry.instances.set(keyOf(instance), { ...instance, lastBeatMs: performance.now() })
    }
    this.#onChange(service)
  }

  instances(service: FakeNacosService): readonly FakeNacosInstance[] {
    return [...(this.#entries.get(idOf(service))?.instances.values() ?? [])]
  }

  /**
   * As `ServiceUtil.selectInstancesWithHealthyProtection` of Nacos does: those of the clusters, or of all when there are none, that are not
   * switched off; when the healthy ones are no larger a part of them than the threshold, all of them, and all as healthy.
   */
  select(service: FakeNacosService, clusters: readonly string[], healthyOnly: boolean): FakeNacosSelection {
    const all = this.instances(service).filter(
      ({ enabled, clusterName }) => enabled && (clusters.length === 0 || clusters.includes(clusterName)),
    )
    const healthy = all.filter((instance) => instance.healthy)
    const threshold = this.#entries.get(idOf(service))?.protectThreshold ?? 0
    const isProtected = healthy.length / all.length <= threshold
    const chosen = healthyOnly && !isProtected ? healthy : all
    const hosts = chosen.map((instance) => this.#host(service, instance, isProtected || instance.healthy))
    return { hosts, reachProtectionThreshold: isProtected }
  }

  #host(service: FakeNacosService, instance: FakeNacosInstance, healthy: boolean): object {
    const { ip, port, weight, enabled, ephemeral, clusterName, metadata } = instance
    return {
      instanceId: `${ip}#${port}#${clusterName}#${service.name}`,
      ip,
      port,
      weight,
      healthy,
      enabled,
      ephemeral,
      clusterName,
      serviceName: service.name,
      metadata,
      instanceHeartBeatInterval: this.#lifetimes.beatIntervalMs,
      instanceIdGenerator: 'simple',
      instanceHeartBeatTimeOut: this.#lifetimes.unhealthyAfterMs,
      ipDeleteTimeout: this.#lifetimes.deletedAfterMs,
    }
  }

  #expire(): void {
    const { unhealthyAfterMs, deletedAfterMs } = this.#lifetimes
    for (const { service, instances } of this.#entries.values()) {
      let isChanged = false
      for (const [key, instance] of instances) {
        if (!instance.ephemeral) continue
        const silentMs = performance.now() - instance.lastBeatMs
        if (silentMs > deletedAfterMs) instances.delete(key)
        else if (silentMs > unhealthyAfterMs && instance.healthy) instances.set(key, { ...instance, healthy: false })
        else continue
        isChanged = true
      }
      if (isChanged) this.#onChange(service)
    }
  }

  #entry(service: FakeNacosService): Entry {
    const id = idOf(service)
    const entry = this.#entries.get(id) ?? { service, protectThreshold: 0, instances: new Map() }
    this.#entries.set(id, entry)
    return entry
  }
}

function idOf({ namespace, name }: FakeNacosService): string {
  return `${namespace} ${name}`
}

function keyOf({ ip, port, clusterName }: Pick<FakeNacosInstance, 'ip' | 'port' | 'clusterName'>): string {
  return `${ip}#${port}#${clusterName}`
}
