import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const built = (file: string): string => fileURLToPath(new URL(`../dist/${file}`, import.meta.url))

it('runs with no outside service and ends by itself', { timeout: 30_000 }, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [built('main.js')])
  const calls = stdout.match(/200 user by users-\d, orders by orders-\d/g)
  expect(calls).toHaveLength(9)
  expect(stdout).toContain('Health: 200')
  expect(stderr).toBe('')
})

it('serves alone, and ends on SIGTERM', { timeout: 30_000 }, async () => {
  const env = { ...process.env, PORT: '0', USER_SERVICE: '127.0.0.1:1', ORDER_SERVICE: '127.0.0.1:1' }
  const gateway = spawn(process.execPath, [built('serve.js')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  for await (const chunk of gateway.stdout) {
    output += String(chunk)
    if (!output.includes('The gateway listens on')) continue
    const [url = ''] = /http:\S+/.exec(output) ?? []
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect(await (await fetch(`${url}/lb/`)).text()).toContain('<title>')
    expect(gateway.kill('SIGTERM')).toBe(true)
    break
  }
  // Nest ends the process by the signal again once everything is closed.
  const [code, signal] = await once(gateway, 'exit')
  expect([code, signal]).toEqual([null, 'SIGTERM'])
})
