import { readFileSync } from 'node:fs'
import { LoadBalancer } from '@lb/core'
import { expect, it } from 'vitest'
import { DnsSrvDiscovery } from '../src/index.ts'
import { address, LoopbackNameServer, srv } from './loopback-name-server.ts'

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<string>

it('the example of the readme holds', async () => {
  const server = await LoopbackNameServer.start()
  server.answer(({ name }) => ({
    answers: [srv('_http._tcp.user-service.example.org', 'a.example.org')],
    additionals: [address('a.example.org', '10.0.1.12')],
    code: name === '_http._tcp.user-service.example.org' ? 0 : 3,
  }))
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const body = `${example.replace(/^import .*$/gm, '').replace('10.0.0.53', server.address)}\nreturn id`
  expect(await new AsyncFunction('LoadBalancer', 'DnsSrvDiscovery', body)(LoadBalancer, DnsSrvDiscovery)).toBe(
    '10.0.1.12:8080',
  )
  await server.close()
})
