import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

it('rolls out a canary while the gateway serves, each share exact, and ends by itself', {
  timeout: 60_000,
}, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main])
  expect(stderr).toBe('')
  expect(stdout.match(/of 200 requests, \d+ reach the canary/g)).toEqual(
    [0, 10, 40, 200, 0].map((count) => `of 200 requests, ${count} reach the canary`),
  )
  expect(stdout).toMatch(/^user-service, 3 of 3 instances take traffic, GroupedBalancer/m)
  expect(stdout).toMatch(/is drained, weight 0$/m)
})
