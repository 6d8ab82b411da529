import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

it('shows one request with a retry as a log, as a trace and as metrics, and ends by itself', {
  timeout: 30_000,
}, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main])
  expect(stdout.replaceAll(/127\.0\.0\.1(?=,)/g, 'address')).toContain(`The log:
  retry
  call-finished
The trace that the instance with 200 got:
  the same
The trace:
  GET user-service (CLIENT): user-service, ok, 200
    attempt (CLIENT): user-service, first, 503
      GET (CLIENT): address, 503
    attempt (CLIENT): user-service, retry, 200
      GET (CLIENT): address, 200
`)
  expect(stdout).toContain('lb_client_call_retries_sum{lb_name="default",lb_service="user-service"} 1\n')
  expect(stderr).toBe('')
})
