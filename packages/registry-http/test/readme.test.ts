import { readFileSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { RegistryClient } from '../src/index.ts'
import { closeAll, deadUrl, json, startServer } from './loopback-server.ts'

afterEach(closeAll)

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<unknown>

it('the example of the readme holds', async () => {
  const { url, asked } = await startServer((request, response) => {
    if (request.url === '/v1/watch') response.end('{"added":1}\n{"removed":1}\n')
    else json(response, ['10.0.1.12:8080'])
  })
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const body = example
    .replace(/^import .*$/gm, '')
    .replace('http://10.0.0.1:8500', deadUrl())
    .replace('http://10.0.0.2:8500', url)
  const result = await new AsyncFunction('RegistryClient', `${body}\nreturn { instances, changes }`)(RegistryClient)
  expect(result).toEqual({ instances: ['10.0.1.12:8080'], changes: [{ added: 1 }, { removed: 1 }] })
  expect(asked.map((request) => request.url)).toEqual(['/v1/services/user-service?passing', '/v1/watch'])
})
