import { readFileSync } from 'node:fs'
import { CompositeDiscovery, LoadBalancer, StaticDiscovery } from '@lb/core'
import { expect, it } from 'vitest'
import { fileNameOf } from '../src/file-name.ts'
import { FileSnapshotStore } from '../src/index.ts'
import { useFolder } from './folder.ts'

const folder = useFolder()

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<string>

it('the example of the readme holds', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const body = `${example.replace(/^import .*$/gm, '').replace('/var/lib/my-app/instances', folder.path)}\nreturn id`
  class ConsulDiscovery extends StaticDiscovery {
    constructor() {
      super({ 'user-service': ['10.0.1.12:8080'] })
    }
  }
  const names = ['CompositeDiscovery', 'LoadBalancer', 'ConsulDiscovery', 'FileSnapshotStore']
  const run = new AsyncFunction(...names, body)
  expect(await run(CompositeDiscovery, LoadBalancer, ConsulDiscovery, FileSnapshotStore)).toBe('10.0.1.12:8080')
  expect(folder.files()).toEqual([fileNameOf('user-service')])
})
