import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import { Notes } from '@lb/testing'
import { Consul, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ConsulDiscovery, ConsulRegistrar } from '../src/index.ts'
import { inCatalogue } from './registered.ts'

const canRead = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }'
const canWrite = `${canRead} service_prefix "" { policy = "write" }`

describeWithServers('with access control', Consul.programs, () => {
  let consul: Consul
  beforeAll(async () => {
    consul = await Consul.start({ acl: true })
    await consul.register({ ID: 'web-1', Name: 'web', Port: 1 })
    await inCatalogue(consul, 'web', 1)
  }, startTimeoutMs)
  afterAll(() => consul.stop())

  const list = async (token?: string): Promise<readonly ServiceInstanceInit[]> => {
    const discovery = new ConsulDiscovery({ address: consul.url, env: {}, ...(token && { token }) })
    try {
      return await discovery.getInstances('web')
    } finally {
      await discovery.close()
    }
  }

  const revoke = async (token: string): Promise<void> => {
    const own = (await consul.request('GET', '/v1/acl/token/self', undefined, { 'X-Consul-Token': token })) as object
    await consul.request('DELETE', `/v1/acl/token/${(own as { AccessorID: string }).AccessorID}`)
  }

  it('a token decides what is seen; without one this version shows nothing, and says nothing of it', async () => {
    expect(await list(await consul.createToken('read', canRead))).toHaveLength(1)
    expect(await list()).toEqual([])
    const unknown = '00000000-1111-2222-3333-444444444444'
    await expect(list(unknown)).rejects.toThrow('answered 403 to /v1/health/service/web: ACL not found')
    await expect(list(unknown)).rejects.not.toThrow(unknown)
  })

  it('a token that expires keeps the list, and the next one catches up', async () => {
    let token = await consul.createToken('first', canRead)
    const notes = new Notes()
    const discovery = new ConsulDiscovery({ address: consul.url, env: {}, token: () => token, waitMs: 1_000 })
    discovery.watch('web', notes)
    await vi.waitFor(() => expect(notes.lists).toHaveLength(1), { timeout: 5_000 })
    await revoke(token)
    await vi.waitFor(() => expect(notes.errors.length).toBeGreaterThan(0), { timeout: 10_000 })
    expect(String(notes.errors[0])).toContain('ACL not found')
    expect(String(notes.errors)).not.toContain(token)
    await consul.register({ ID: 'web-2', Name: 'web', Port: 2 })
    token = await consul.createToken('second', canRead)
    const ports = (): number[] | undefined => notes.lists.at(-1)?.map((init) => parseInstance(init).port)
    await vi.waitFor(() => expect(ports()).toEqual([1, 2]), { timeout: 10_000 })
    for (const seen of notes.lists) expect(seen).not.toHaveLength(0)
    await discovery.close()
    await consul.deregister('web-2')
  }, 40_000)

  it('a token that may not write is refused, and one that expires is replaced in the registration', async () => {
    const reader = new ConsulRegistrar({ address: consul.url, env: {}, token: await consul.createToken('ro', canRead) })
    await expect(reader.register('web', '10.0.0.1:80')).rejects.toThrow('web: 10.0.0.1:80 could not be registered: ')
    await reader.close()

    let token = await consul.createToken('writer', canWrite)
    const errors: unknown[] = []
    const registrar = new ConsulRegistrar({
      address: consul.url,
      env: {},
      token: () => token,
      check: { ttlMs: 1_000 },
      onError: (error) => errors.push(error),
    })
    const registration = await registrar.register('app', '10.0.0.1:80')
    const statuses = async (): Promise<string> => {
      const found = (await consul.request('GET', '/v1/health/checks/app')) as { Status: string; Output: string }[]
      return found.map(({ Status, Output }) => `${Status} ${Output}`.trim()).join()
    }
    await vi.waitFor(async () => expect(await statuses()).toBe('passing'), { timeout: 5_000 })
    await revoke(token)
    // The agent cannot pass on the words of the registrar any more, and the registrar is refused.
    await vi.waitFor(() => expect(errors.length).toBeGreaterThan(0), { timeout: 10_000 })
    expect(String(errors[0])).toContain('ACL not found')
    token = await consul.createToken('next', canWrite)
    await registration.maintenance(true, 'the registry knows').catch(() => {})
    // What the agent passes on now is seen in the catalogue.
    await vi.waitFor(async () => expect(await statuses()).toContain('critical'), { timeout: 10_000 })
    await registration.maintenance(false)
    await vi.waitFor(async () => expect(await statuses()).toBe('passing'), { timeout: 10_000 })
    await registrar.close()
    await vi.waitFor(async () => expect(await statuses()).toBe(''), { timeout: 10_000 })
  }, 60_000)
})
