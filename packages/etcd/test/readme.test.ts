import { readFileSync } from 'node:fs'
import { LoadBalancer, parseInstance, type ServiceInstanceInit } from '@lb/core'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { EtcdDiscovery, type EtcdDiscoveryOptions, EtcdRegistrar } from '../src/index.ts'
import { ScriptedGateway } from './scripted-gateway.ts'

type Names = Record<string, unknown>
const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<unknown>

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = Array.from(readme.matchAll(/```ts\n([\s\S]*?)```/g), ([, code = '']) =>
  code.replace(/^import .*$/gm, ''),
)

let gateway: ScriptedGateway
beforeEach(async () => {
  gateway = await ScriptedGateway.start()
})
afterEach(() => gateway.stop())

function run(code: string, names: Names): Promise<unknown> {
  return new AsyncFunction(...Object.keys(names), code)(...Object.values(names))
}

it('the example of the readme holds', async () => {
  const value = JSON.stringify({ endpoints: ['http://10.0.1.12:8080?isSecure=false'], metadata: { weight: '200' } })
  gateway.keys = { '/microservices/user-service/10.0.1.12:8080': value }
  const code = `${(examples[0] ?? '').replace('http://127.0.0.1:2379', gateway.url)}\nreturn id`
  expect(await run(code, { LoadBalancer, EtcdDiscovery, EtcdRegistrar })).toBe('10.0.1.12:8080')
  expect(gateway.callsTo('/v3/kv/put')[0]?.body).toContain(
    Buffer.from('/microservices/user-service/').toString('base64').slice(0, 30),
  )
  expect(gateway.callsTo('/v3/lease/revoke')).toHaveLength(1)
})

it('so does that of a codec', async () => {
  gateway.keys = { '/services/orders/a': '{"host":"10.0.0.1","port":80}', '/services/orders/lock': '' }
  class Discovery extends EtcdDiscovery {
    constructor(options: EtcdDiscoveryOptions) {
      super({ ...options, endpoints: [gateway.url] })
    }
  }
  const discovery = (await run(`return ${examples[1] ?? ''}`, { EtcdDiscovery: Discovery })) as EtcdDiscovery
  const instances = (await discovery.getInstances('orders')) as ServiceInstanceInit[]
  expect(instances.map((init) => parseInstance(init).id)).toEqual(['a'])
  await discovery.close()
})
