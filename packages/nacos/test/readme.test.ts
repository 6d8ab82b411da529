import { readFileSync } from 'node:fs'
import { LoadBalancer } from '@lb/core'
import { FakeNacos } from 'test-servers'
import { expect, it } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<string>

it('the example of the readme holds', async () => {
  const fake = await FakeNacos.start()
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const body = `${example.replace(/^import .*$/gm, '').replace('http://127.0.0.1:8848', fake.url)}\nreturn host`
  const run = new AsyncFunction('LoadBalancer', 'NacosDiscovery', 'NacosRegistrar', body)
  expect(await run(LoadBalancer, NacosDiscovery, NacosRegistrar)).toBe('10.0.1.12')
  expect(fake.instances('user-service')).toEqual([])
  await fake.stop()
})
