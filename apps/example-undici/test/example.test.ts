import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

it('runs with no outside service and ends by itself', { timeout: 30_000 }, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main])
  expect(stdout).toContain('100 requests, 0 failed')
  expect(stdout).toContain('fetch failed: ECONNREFUSED')
  expect(stderr).toBe('')
})
