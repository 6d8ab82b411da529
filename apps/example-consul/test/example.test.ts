import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Consul, freePort, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const run = (address: string): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [main], { env: { ...process.env, CONSUL_HTTP_ADDR: address } })

describeWithServers('the example for Consul', Consul.programs, () => {
  let consul: Consul
  beforeAll(async () => {
    consul = await Consul.start()
  }, startTimeoutMs)
  afterAll(() => consul.stop())

  it('shows how calls follow the registry, leaves nothing in it, and ends by itself', async () => {
    const { stdout, stderr } = await run(consul.url)
    expect(stdout.split('\n').filter((line) => line.includes('calls'))).toEqual([
      '  first: 12 calls',
      '  first: 3 calls, second: 9 calls',
      '  second: 12 calls',
      '  first: 3 calls, second: 9 calls',
      '  first: 12 calls',
    ])
    expect(stderr).toBe('')
    expect(await consul.request('GET', '/v1/agent/services')).toEqual({})
  }, 60_000)
})

it('says how to start an agent when there is none', { timeout: 30_000 }, async () => {
  const failed = run(`127.0.0.1:${await freePort()}`)
  await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('consul agent -dev') })
})
