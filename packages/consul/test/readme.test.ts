import { readFileSync } from 'node:fs'
import { LoadBalancer } from '@lb/core'
import { Consul, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import {
  ConsulDiscovery,
  type ConsulDiscoveryOptions,
  ConsulRegistrar,
  type ConsulRegistrarOptions,
} from '../src/index.ts'

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<unknown>

describeWithServers('the examples of the readme', Consul.programs, () => {
  let consul: Consul
  beforeAll(async () => {
    consul = await Consul.start()
  }, startTimeoutMs)
  afterAll(() => consul.stop())

  it('hold', async () => {
    const env = { CONSUL_HTTP_ADDR: consul.url }
    class Discovery extends ConsulDiscovery {
      constructor(options: ConsulDiscoveryOptions = {}) {
        super({ ...options, env })
      }
    }
    class Registrar extends ConsulRegistrar {
      constructor(options: ConsulRegistrarOptions = {}) {
        super({ ...options, env })
      }
    }
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text = '']) => text)
    expect(examples).toHaveLength(2)
    await consul.register({ ID: 'web', Name: 'user-service', Address: '10.0.1.12', Port: 8080 })
    const found = (): Promise<unknown> => consul.request('GET', '/v1/catalog/service/user-service')
    await vi.waitFor(async () => expect(await found()).toHaveLength(1))
    const run = (example: string, result: string): Promise<unknown> => {
      const body = `${example.replace(/^import .*$/gm, '')}\n${result}`
      const program = new AsyncFunction('LoadBalancer', 'ConsulDiscovery', 'ConsulRegistrar', body)
      return program(LoadBalancer, Discovery, Registrar)
    }
    expect(await run(examples[0] ?? '', 'return host')).toBe('10.0.1.12')
    await consul.deregister('web')
    await run(examples[1] ?? '', 'await registrar.close()')
    await vi.waitFor(async () => expect(await consul.request('GET', '/v1/agent/services')).toEqual({}))
  }, 30_000)
})
