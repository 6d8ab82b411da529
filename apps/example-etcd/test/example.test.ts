import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Etcd, freePort, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const run = (endpoints: string, env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [main], { env: { ...process.env, ETCD_ENDPOINTS: endpoints, ...env } })

describeWithServers('the example for etcd', Etcd.programs, () => {
  let etcd: Etcd
  beforeAll(async () => {
    etcd = await Etcd.start()
  }, startTimeoutMs)
  afterAll(() => etcd.stop())

  const everything = { key: 'AA==', range_end: 'AA==' }

  it('shows how calls follow the registry, leaves nothing in it, and ends by itself', { timeout: 60_000 }, async () => {
    const { stdout, stderr } = await run(etcd.url)
    const rounds = stdout.split('\n').filter((line) => line.includes('calls'))
    const shares = [{ first: 12 }, { first: 3, second: 9 }, { first: 2, second: 6, third: 4 }, { first: 12 }]
    expect(rounds).toHaveLength(shares.length)
    for (const [round, share] of shares.entries()) {
      const calls = Array.from((rounds[round] ?? '').matchAll(/(\w+): (\d+) calls/g), ([, id = '', count]) => [
        id,
        Number(count),
      ])
      expect(Object.keys(Object.fromEntries(calls))).toEqual(Object.keys(share))
      // After a change, the first cycle may give an instance one turn more or less.
      for (const [id, count] of calls)
        expect(Math.abs(Number(count) - Number(share[id as 'first']))).toBeLessThanOrEqual(1)
    }
    expect(stderr).toBe('')
    expect(await etcd.post('/v3/kv/range', everything)).not.toHaveProperty('kvs')
    expect(await etcd.post('/v3/lease/leases')).not.toHaveProperty('leases')
  })

  it('runs as a user, too', { timeout: 60_000 }, async () => {
    await etcd.post('/v3/auth/user/add', { name: 'root', password: 'a:b' })
    await etcd.post('/v3/auth/role/add', { name: 'root' })
    await etcd.post('/v3/auth/user/grant', { user: 'root', role: 'root' })
    await etcd.post('/v3/auth/enable')
    const { stdout } = await run(etcd.url, { ETCD_USER: 'root:a:b' })
    expect(stdout).toContain('Scaled down:')
  })
})

it('says how to start etcd when there is none', { timeout: 30_000 }, async () => {
  const failed = run(`http://127.0.0.1:${await freePort()}`)
  await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('Start one: etcd') })
})
