import { readFileSync } from 'node:fs'
import { LoadBalancer } from '@lb/core'
import { expect, it } from 'vitest'
import * as discoveries from '../src/index.ts'
import { address, LoopbackNameServer, pointer, srv, text } from './loopback-name-server.ts'

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<string>

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = Array.from(readme.matchAll(/```ts\n(import [\s\S]*?)```/g), ([, code = '']) => code)

it.each([
  ['SRV records', 0, '10.0.1.12:8080'],
  ['addresses', 1, '10.0.1.12:8443'],
  ['DNS-SD', 2, '10.0.1.12:8080'],
])('the example of the readme for %s holds', async (_, index, expected) => {
  const [srvName, sdName, host] = ['_http._tcp.user-service', '_user-service._tcp', 'user-service'].map(
    (name) => `${name}.example.org`,
  ) as [string, string, string]
  const named = `One.${sdName}`
  const server = await LoopbackNameServer.start()
  server.zone({
    [`SRV ${srvName}`]: { answers: [srv(srvName, host)] },
    [`PTR ${sdName}`]: { answers: [pointer(sdName, named)], additionals: [srv(named, host), text(named, ['zone=a'])] },
    [`A ${host}`]: { answers: [address(host, '10.0.1.12')] },
  })
  const body = (examples[index] ?? '').replace(/^import .*$/gm, '').replace('10.0.0.53', server.address)
  const run = new AsyncFunction('LoadBalancer', ...Object.keys(discoveries), `${body}\nreturn id`)
  expect(await run(LoadBalancer, ...Object.values(discoveries))).toBe(expected)
  await server.close()
})
