import {
  DiscoveryError,
  LoadBalancerClosedError,
  parseInstance,
  type Registration,
  type ServiceInstance,
  type ServiceInstanceInit,
  type ServiceRegistrar,
} from '@lb/core'
import { RenewedRegistration } from '@lb/core/authoring'
import { afterEach, describe, expect, it } from 'vitest'
import { describeRegistrar, runCheck } from './describe-registrar.ts'
import { registrarChecks } from './describe-registrar-checks.ts'
import type { RegistrarHarness } from './describe-registrar-harness.ts'
import { RegistrarRun } from './describe-registrar-run.ts'

const renewMs = 20

/** A registry in memory that behaves like one behind a network: it answers later, forgets, and may be unreachable. */
class MemoryRegistry implements RegistrarHarness {
  readonly withinMs: number
  readonly renewalMs: number = renewMs
  readonly services = new Map<string, Map<string, ServiceInstance>>()
  readonly #create: (registry: MemoryRegistry) => ServiceRegistrar
  #isReachable = true

  constructor(create: (registry: MemoryRegistry) => ServiceRegistrar, withinMs = 2_000) {
    this.#create = create
    this.withinMs = withinMs
  }

  create(): ServiceRegistrar {
    return this.#create(this)
  }

  async list(service: string): Promise<readonly string[]> {
    return Array.from(this.services.get(service)?.keys() ?? [])
  }

  async read(service: string): Promise<readonly ServiceInstanceInit[]> {
    return Array.from(this.services.get(service)?.values() ?? [])
  }

  async lose(service: string, instance: ServiceInstance): Promise<void> {
    this.services.get(service)?.delete(keyOf(instance))
  }

  async fail(): Promise<void> {
    this.#isReachable = false
  }

  /** Nothing that was registered before the failure is known any more. */
  async recover(): Promise<void> {
    this.services.clear()
    this.#isReachable = true
  }

  async put(service: string, instance: ServiceInstance): Promise<void> {
    await this.#answer()
    const known = this.services.get(service) ?? new Map<string, ServiceInstance>()
    this.services.set(service, known.set(keyOf(instance), instance))
  }

  async has(service: string, instance: ServiceInstance): Promise<boolean> {
    await this.#answer()
    return this.services.get(service)?.has(keyOf(instance)) === true
  }

  async remove(service: string, instance: ServiceInstance): Promise<void> {
    await this.#answer()
    this.services.get(service)?.delete(keyOf(instance))
  }

  async #answer(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (!this.#isReachable) throw new DiscoveryError('unreachable')
  }
}

const keyOf = ({ host, port }: ServiceInstance): string => `${host}:${port}`

/** A registrar as it is to be. */
class MemoryRegistrar implements ServiceRegistrar {
  protected readonly registry: MemoryRegistry
  protected readonly kept = new Set<Promise<RenewedRegistration>>()
  protected isClosed = false

  constructor(registry: MemoryRegistry) {
    this.registry = registry
  }

  async register(service: string, init: ServiceInstanceInit): Promise<Registration> {
    if (this.isClosed) throw new LoadBalancerClosedError('closed')
    const instance = parseInstance(init)
    const started = this.start(service, instance)
    this.kept.add(started)
    started.catch(() => this.kept.delete(started))
    const renewed = await started
    const deregister = (): Promise<void> => {
      this.kept.delete(started)
      return renewed.deregister()
    }
    return { service, instance, deregister }
  }

  async close(): Promise<void> {
    this.isClosed = true
    const kept = Array.from(this.kept)
    this.kept.clear()
    await Promise.allSettled(kept.map(async (started) => (await started).deregister()))
  }

  protected start(service: string, instance: ServiceInstance): Promise<RenewedRegistration> {
    const steps = {
      register: async () => {
        await this.registry.put(service, instance)
        return renewMs
      },
      renew: async () => ((await this.registry.has(service, instance)) ? renewMs : ('lost' as const)),
      deregister: () => this.registry.remove(service, instance),
    }
    return RenewedRegistration.start(steps, { onError: () => {}, retryMinMs: 5, retryMaxMs: 20 })
  }
}

const everything = { weights: true, metadata: true, loss: true, failure: true }

describeRegistrar('a registrar in memory', new MemoryRegistry((registry) => new MemoryRegistrar(registry)), everything)

/** Each breaks one promise of the contract. */
const broken: Record<string, { fails: string; create: (registry: MemoryRegistry) => ServiceRegistrar }> = {
  'registers nothing': {
    fails: 'registers an instance',
    create: (registry) => {
      const registrar = new MemoryRegistrar(registry)
      Object.assign(registry, { put: () => Promise.resolve() })
      return registrar
    },
  },
  'names the wrong service': {
    fails: 'registers an instance',
    create: (registry) =>
      overriding(registry, async (register, service, init) => ({ ...(await register(service, init)), service: 'x' })),
  },
  'mixes services': {
    fails: 'keeps instances and services apart',
    create: (registry) => overriding(registry, (register, _service, init) => register('contract-registrar-2', init)),
  },
  'takes back another one as well': {
    fails: 'takes back the instance that is deregistered',
    create: (registry) => {
      Object.assign(registry, { remove: async (service: string) => void registry.services.delete(service) })
      // A loss would be mended: nothing is renewed.
      Object.assign(registry, { has: async () => true })
      return new MemoryRegistrar(registry)
    },
  },
  'takes nothing back': {
    fails: 'takes back the instance that is deregistered',
    create: (registry) => {
      Object.assign(registry, { remove: async () => {} })
      return new MemoryRegistrar(registry)
    },
  },
  'takes back twice': {
    fails: 'deregisters once',
    create: (registry) =>
      overriding(registry, async (register, service, init) => {
        const registration = await register(service, init)
        const deregister = async (): Promise<void> => {
          await registration.deregister()
          await registry.remove(service, registration.instance)
        }
        return { ...registration, deregister }
      }),
  },
  'forgets to take back on close': {
    fails: 'takes back everything on close',
    create: (registry) => Object.assign(new MemoryRegistrar(registry), { close: async () => {} }),
  },
  'forgets on close what is being registered': {
    fails: 'leaves nothing behind when it is closed while it registers',
    create: (registry) =>
      overriding(registry, async (register, service, init) => {
        const instance = parseInstance(init)
        await registry.has(service, instance)
        await registry.put(service, instance)
        return register(service, init)
      }),
  },
  'goes on renewing after close': {
    fails: 'takes back everything on close',
    create: (registry) => {
      const registrar = new MemoryRegistrar(registry)
      const close = async (): Promise<void> => {
        const { services } = registry
        const before = Array.from(services, ([service, known]) => [service, Array.from(known.values())] as const)
        await registrar.close()
        setTimeout(() => {
          for (const [service, known] of before) for (const instance of known) void registry.put(service, instance)
        }, renewMs)
      }
      return { register: (service, init) => registrar.register(service, init), close }
    },
  },
  'takes any instance': {
    fails: 'rejects an instance that cannot be',
    create: (registry) =>
      overriding(registry, async (register, service, init) => {
        try {
          return await register(service, init)
        } catch (error) {
          if ((error as { code?: unknown }).code !== 'LB_INVALID_INSTANCE') throw error
          return register(service, '10.9.9.9:1')
        }
      }),
  },
  'registers after close': {
    fails: 'rejects after close',
    create: (registry) => {
      const registrar = new MemoryRegistrar(registry)
      return {
        register: (service, init) => new MemoryRegistrar(registry).register(service, init),
        close: () => registrar.close(),
      }
    },
  },
  'drops weights': {
    fails: 'carries weight',
    create: (registry) =>
      overriding(registry, (register, service, init) => register(service, { ...parseInstance(init), weight: 1 })),
  },
  'drops metadata': {
    fails: 'carries metadata',
    create: (registry) =>
      overriding(registry, (register, service, init) => register(service, { ...parseInstance(init), metadata: {} })),
  },
  'does not look whether it is still registered': {
    fails: 'registers again what the registry lost',
    create: (registry) => {
      Object.assign(registry, { has: async () => true })
      return new MemoryRegistrar(registry)
    },
  },
  'brings back what was deregistered': {
    fails: 'does not register again what was lost and then deregistered',
    create: (registry) =>
      overriding(registry, async (register, service, init) => {
        const registration = await register(service, init)
        const deregister = async (): Promise<void> => {
          const isThere = await registry.has(service, registration.instance)
          await registration.deregister()
          if (!isThere) await registry.put(service, registration.instance)
        }
        return { ...registration, deregister }
      }),
  },
  'gives up when the registry fails': {
    fails: 'survives a failure of the registry',
    create: (registry) =>
      new MemoryRegistrar(Object.assign(Object.create(registry) as MemoryRegistry, stuckAfterFailure(registry))),
  },
  'says it registered while the registry is down': {
    fails: 'rejects while the registry is down',
    create: (registry) =>
      overriding(registry, async (register, service, init) => {
        const instance = parseInstance(init)
        const lying = { service, instance, deregister: async () => {} }
        return register(service, init).catch((error: unknown) => {
          if ((error as { code?: unknown }).code === 'LB_DISCOVERY') return lying
          throw error
        })
      }),
  },
}

type Register = ServiceRegistrar['register']

function overriding(
  registry: MemoryRegistry,
  register: (original: Register, ...args: Parameters<Register>) => Promise<Registration>,
): ServiceRegistrar {
  const registrar = new MemoryRegistrar(registry)
  const original: Register = (service, init) => registrar.register(service, init)
  return { register: (service, init) => register(original, service, init), close: () => registrar.close() }
}

/** A registry as a registrar sees it that never renews again after one failure. */
function stuckAfterFailure(registry: MemoryRegistry): Partial<MemoryRegistry> {
  let isStuck = false
  const has: MemoryRegistry['has'] = async (service, instance) => {
    if (isStuck) return true
    return registry.has(service, instance).catch((cause: unknown) => {
      isStuck = true
      throw cause
    })
  }
  return {
    has,
    put: (service, instance) => registry.put(service, instance),
    remove: (service, instance) => registry.remove(service, instance),
  }
}

describe('the suite', () => {
  const open: RegistrarRun[] = []
  afterEach(async () => {
    for (const run of open.splice(0)) await run.end().catch(() => {})
  })

  it.each(Object.entries(broken))('catches a registrar that %s', async (_what, { fails, create }) => {
    const run = new RegistrarRun(new MemoryRegistry(create, 150))
    open.push(run)
    const check = registrarChecks(everything).find(({ name }) => name.startsWith(fails))
    expect(check, fails).toBeDefined()
    await expect(runCheck(run, check?.run ?? (async () => {}))).rejects.toThrow()
  })

  it.each([
    [{ weights: true }, 'x: the capability weights needs read in the harness'],
    [{ metadata: true }, 'x: the capability metadata needs read in the harness'],
    [{ loss: true }, 'x: the capability loss needs lose in the harness'],
    [{ failure: true }, 'x: the capability failure needs fail and recover in the harness'],
  ])('refuses %j without the means for it', (capabilities, message) => {
    const harness: RegistrarHarness = {
      create: () => new MemoryRegistrar(new MemoryRegistry(() => new MemoryRegistrar(undefined as never))),
      list: async () => [],
    }
    expect(() => describeRegistrar('x', harness, capabilities)).toThrow(message)
  })

  it('refuses fewer than three addresses', () => {
    const harness = new MemoryRegistry((registry) => new MemoryRegistrar(registry))
    const addresses = [{ host: 'a.example', port: 80 }]
    expect(() => describeRegistrar('x', Object.assign(harness, { addresses }))).toThrow('at least three')
  })

  it('asks only for what was declared', () => {
    const names = (capabilities: object): string[] => registrarChecks(capabilities).map(({ name }) => name)
    expect(names({}).filter((name) => /weight|metadata|lost|down|survives/.test(name))).toEqual([])
    expect(names(everything).length).toBeGreaterThan(names({}).length + 5)
  })
})
