import { parseInstance } from '@lb/core'
import { RegistryError, type RegistryRequest } from '@lb/registry-http'
import { beforeEach, describe, expect, it } from 'vitest'
import { AgentRegistration } from './agent-registration.ts'
import type { ConsulClient } from './client.ts'
import { registrarSettings } from './registrar-options.ts'
import { serviceDefinition } from './service-definition.ts'

describe('maintenance', () => {
  let calls: string[]
  let isBroken: boolean
  let registration: AgentRegistration
  const { signal } = new AbortController()

  beforeEach(() => {
    calls = []
    isBroken = false
    const say = async ({ path, query }: RegistryRequest): Promise<object> => {
      const word = /register$|pass|maintenance/.exec(path)?.[0]
      calls.push(word === 'maintenance' ? `${word} ${String(query?.enable)}` : String(word))
      if (word === 'maintenance' && isBroken) throw new RegistryError('broken')
      return { status: 200 }
    }
    const agent = { token: async () => undefined, ask: say, demand: say } as unknown as ConsulClient
    const settings = registrarSettings('ConsulRegistrar', {})
    const definition = serviceDefinition('web', parseInstance('10.0.0.1:80'), settings)
    registration = new AgentRegistration(agent, definition, settings)
  })

  it('is told once when the agent can be told', async () => {
    await registration.register(signal)
    await registration.maintenance(true, undefined)
    await registration.renew(signal)
    await registration.renew(signal)
    expect(calls).toEqual(['register', 'maintenance true', 'pass', 'pass'])
  })

  it('is told with each renewal until the agent knows', async () => {
    await registration.register(signal)
    isBroken = true
    await expect(registration.maintenance(true, undefined)).rejects.toThrow('broken')
    await expect(registration.renew(signal)).rejects.toThrow('broken')
    isBroken = false
    await registration.renew(signal)
    await registration.renew(signal)
    const tried = ['maintenance true', 'pass', 'maintenance true', 'pass', 'maintenance true', 'pass']
    expect(calls).toEqual(['register', ...tried])
  })

  it('is told again after the instance was registered again, and not when it is over', async () => {
    await registration.register(signal)
    await registration.maintenance(true, undefined)
    await registration.register(signal)
    await registration.maintenance(false, undefined)
    await registration.register(signal)
    const inMaintenance = ['maintenance true', 'register', 'maintenance true']
    expect(calls).toEqual(['register', ...inMaintenance, 'maintenance false', 'register'])
  })
})
