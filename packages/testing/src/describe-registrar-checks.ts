import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import { expect } from 'vitest'
import type { RegistrarCapabilities } from './describe-registrar-harness.ts'
import { addressOf, type RegistrarRun } from './describe-registrar-run.ts'

/** One part of the contract. */
export interface RegistrarCheck {
  readonly name: string
  readonly run: (registry: RegistrarRun) => Promise<void>
}

/** The parts of the contract that hold with these capabilities. */
export function registrarChecks(capabilities: RegistrarCapabilities): readonly RegistrarCheck[] {
  const { weights, metadata, loss, failure } = capabilities
  return [
    ...always,
    ...(weights === true ? [carries('weight', [{ weight: 5 }, { weight: 1 }, { weight: 3 }])] : []),
    ...(metadata === true ? [carries('metadata', [{ metadata: { version: '1.2', region: 'eu' } }])] : []),
    ...(loss === true ? afterLoss : []),
    ...(failure === true ? duringFailure : []),
  ]
}

const always: readonly RegistrarCheck[] = [
  {
    name: 'registers an instance, so that the registry has it',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const [first] = registry.addresses
      const registration = await registrar.register(service, first)
      expect(registration.service).toBe(service)
      expect(addressOf(registration.instance)).toBe(addressOf(first))
      await registry.expectRegistered(service, [first])
    },
  },
  {
    name: 'keeps instances and services apart',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const other = registry.nextService()
      const [first, second, third] = registry.addresses
      await Promise.all([registrar.register(service, first), registrar.register(service, second)])
      await registrar.register(other, third)
      await registry.expectRegistered(service, [first, second])
      await registry.expectRegistered(other, [third])
    },
  },
  {
    name: 'takes back the instance that is deregistered, and no other',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const [first, second] = registry.addresses
      const registration = await registrar.register(service, first)
      await registrar.register(service, second)
      await registry.expectRegistered(service, [first, second])
      await registration.deregister()
      await registry.expectToStay(service, [second])
    },
  },
  {
    name: 'deregisters once, however often it is asked to',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const [first] = registry.addresses
      const registration = await registrar.register(service, first)
      await registry.expectRegistered(service, [first])
      const deregistered = registration.deregister()
      expect(registration.deregister(), 'the promise of the second deregister').toBe(deregistered)
      await deregistered
      await registry.expectRegistered(service, [])
      await registrar.register(service, first)
      await registry.expectRegistered(service, [first])
      // The earlier registration is over: it does not take back the later one.
      await registration.deregister()
      await registry.expectRegistered(service, [first])
    },
  },
  {
    name: 'takes back everything on close, which may be called twice',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const other = registry.nextService()
      const [first, second, third] = registry.addresses
      for (const instance of [first, second]) await registrar.register(service, instance)
      await registrar.register(other, third)
      await registry.expectRegistered(service, [first, second])
      await registry.expectRegistered(other, [third])
      await registrar.close()
      await registry.expectRegistered(other, [])
      await registry.expectToStay(service, [])
      await registrar.close()
    },
  },
  {
    name: 'leaves nothing behind when it is closed while it registers',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const [first] = registry.addresses
      const registered = registrar.register(service, first).catch(() => {})
      await registrar.close()
      await registered
      await registry.expectToStay(service, [])
    },
  },
  {
    name: 'rejects an instance that cannot be, and registers nothing',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const [first] = registry.addresses
      for (const bad of [
        { ...first, port: 70_000 },
        { ...first, host: '' },
        { ...first, weight: -1 },
      ]) {
        await expect(registrar.register(service, bad)).rejects.toMatchObject({ code: 'LB_INVALID_INSTANCE' })
      }
      await registrar.register(service, first)
      await registry.expectRegistered(service, [first])
    },
  },
  {
    name: 'rejects after close',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      await registrar.close()
      const [first] = registry.addresses
      await expect(registrar.register(service, first)).rejects.toMatchObject({ code: 'LB_CLOSED' })
      await registry.expectRegistered(service, [])
    },
  },
]

function carries(
  field: 'weight' | 'metadata',
  values: readonly Partial<ServiceInstanceInit & object>[],
): RegistrarCheck {
  return {
    name: `carries ${field}`,
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const inits = registry.addresses.map((address, index) => ({ ...address, ...values[index % values.length] }))
      for (const init of inits) await registrar.register(service, init)
      const fieldOf = (init: ServiceInstanceInit): [string, unknown] => [addressOf(init), parseInstance(init)[field]]
      // Through JSON, since metadata has no prototype.
      const plain = (list: readonly ServiceInstanceInit[]): unknown =>
        JSON.parse(JSON.stringify(Object.fromEntries(list.map(fieldOf))))
      await registry.eventually(async () => {
        const found = plain(await registry.read(service)) as object
        expect(Object.keys(found)).toHaveLength(inits.length)
        // A registry may add metadata of its own.
        expect(found).toMatchObject(plain(inits) as object)
      })
    },
  }
}

const afterLoss: readonly RegistrarCheck[] = [
  {
    name: 'registers again what the registry lost, each time',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const [first, second] = registry.addresses
      await registrar.register(service, first)
      await registrar.register(service, second)
      await registry.expectRegistered(service, [first, second])
      for (const lost of [first, second, first]) {
        await registry.lose(service, lost)
        await registry.expectRegistered(service, [first, second])
      }
    },
  },
  {
    name: 'does not register again what was lost and then deregistered',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const [first] = registry.addresses
      const registration = await registrar.register(service, first)
      await registry.expectRegistered(service, [first])
      await registry.lose(service, first)
      await registration.deregister()
      await registry.expectToStay(service, [])
    },
  },
]

const duringFailure: readonly RegistrarCheck[] = [
  {
    name: 'survives a failure of the registry: what was registered is so afterwards, and can be deregistered',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const [first, second] = registry.addresses
      const registration = await registrar.register(service, first)
      await registrar.register(service, second)
      await registry.expectRegistered(service, [first, second])
      await registry.fail()
      await registry.twoRenewals()
      await registry.recover()
      await registry.expectRegistered(service, [first, second])
      await registration.deregister()
      await registry.expectRegistered(service, [second])
    },
  },
  {
    name: 'rejects while the registry is down, and does not register later by itself',
    run: async (registry) => {
      const { registrar, service } = await registry.open()
      const [first, second] = registry.addresses
      await registry.fail()
      await expect(registrar.register(service, first)).rejects.toMatchObject({ code: 'LB_DISCOVERY' })
      await registry.recover()
      await registry.eventually(async () => {
        await registrar.register(service, second)
      })
      await registry.expectRegistered(service, [second])
    },
  },
]
