import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

it('runs with no outside service, shows how calls follow the files, and ends by itself', {
  timeout: 30_000,
}, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main])
  expect(stdout.split('\n').filter((line) => line.includes('calls'))).toEqual([
    '  first: 12 calls',
    '  first: 3 calls, second: 9 calls',
    '  first: 3 calls, second: 9 calls',
    '  second: 12 calls',
  ])
  expect(stdout).toContain('user-service.yaml is no YAML')
  expect(stderr).toBe('')
})
