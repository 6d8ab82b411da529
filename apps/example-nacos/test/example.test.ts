import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { FakeNacos } from '../../../test-servers/src/fake-nacos.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

it('runs with no outside service, shows how calls follow the registry, and ends by itself', {
  timeout: 60_000,
}, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main])
  expect(stdout.split('\n').filter((line) => line.includes('calls'))).toEqual([
    '  first: 12 calls',
    '  first: 3 calls, second: 9 calls',
    '  first: 3 calls, second: 9 calls',
    // Where in its sequence the balancer is depends on who came back first.
    expect.stringMatching(/^ {2}first: [2-4] calls, second: (?:8|9|10) calls$/),
    '  second: 12 calls',
  ])
  expect(stderr).toBe('')
})

it('follows a service of another server until it is interrupted', { timeout: 30_000 }, async () => {
  const nacos = await FakeNacos.start({ version: '2.5', cacheMillis: 1_000 })
  nacos.set('web', [{ ip: '10.0.0.1', port: 8080, weight: 2 }], { group: 'SHOP' })
  const child = spawn(process.execPath, [main, 'web', '--server', nacos.url, '--group', 'SHOP'])
  const lines = child.stdout.setEncoding('utf8')
  expect(String(await once(lines, 'data'))).toContain('10.0.0.1:8080 weight 2')
  nacos.set(
    'web',
    [
      { ip: '10.0.0.1', port: 8081, healthy: false },
      { ip: '10.0.0.1', port: 8082 },
    ],
    { group: 'SHOP', protectThreshold: -1 },
  )
  expect(String(await once(lines, 'data'))).toContain('10.0.0.1:8081 weight 1 unhealthy')
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
  await nacos.stop()
})
