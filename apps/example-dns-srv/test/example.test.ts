import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { ZoneServer } from '../src/zone-server.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

it('runs with no outside service, shows how calls follow the zone, and ends by itself', {
  timeout: 30_000,
}, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main])
  expect(stdout.split('\n').filter((line) => line.includes('calls'))).toEqual([
    '  first: 12 calls',
    '  first: 3 calls, second: 9 calls',
    '  second: 12 calls',
    '  second: 12 calls',
  ])
  expect(stdout).toContain('no answer within 200 ms')
  expect(stdout).toContain('user-service: no available instance')
  expect(stderr).toBe('')
})

it('follows a service of another server until it is interrupted', { timeout: 30_000 }, async () => {
  const zone = await ZoneServer.start()
  zone.set('web.example.test', [{ port: 8080 }])
  const child = spawn(process.execPath, [main, 'web', '--name', '{service}.example.test.', '--server', zone.address])
  const lines = child.stdout.setEncoding('utf8')
  expect(String(await once(lines, 'data'))).toContain('127.0.0.1:8080 weight 1 priority 0')
  zone.set('web.example.test', [{ port: 8081 }])
  expect(String(await once(lines, 'data'))).toContain('127.0.0.1:8081')
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
  zone.close()
})
