import { readFileSync } from 'node:fs'
import { LoadBalancer } from '@lb/core'
import { expect, it } from 'vitest'
import { FileDiscovery } from '../src/index.ts'
import { Folder } from './folder.ts'

const folder = Folder.use()

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<unknown[]>

it('the example of the readme holds', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, example = '', , yaml = ''] = /```ts\n([\s\S]*?)```(\s*)```yaml\n([\s\S]*?)```/.exec(readme) ?? []
  folder.write('user-service.yaml', yaml)
  const body = example.replace(/^import .*$/gm, '').replace('/etc/my-app/services', folder.path)
  const last = `const all = lb.inspect('user-service').instances\nawait lb.close()\nreturn [all.length, weight]`
  const [count, weight] = await new AsyncFunction('LoadBalancer', 'FileDiscovery', body + last)(
    LoadBalancer,
    FileDiscovery,
  )
  expect([count, [1, 2].includes(Number(weight))]).toEqual([3, true])
})
