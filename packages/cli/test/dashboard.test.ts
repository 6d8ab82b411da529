import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GroupedBalancer, LoadBalancer, StaticDiscovery } from '@lb/core'
import { dashboard } from '@lb/dashboard'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from './run-command.ts'

const host = '10.0.1.1'
const group = (version: string, ports: readonly number[]) =>
  ports.map((port) => ({ host, port, metadata: { version } }))

let lb: LoadBalancer
let server: Server
let url: string
beforeEach(async () => {
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({ users: [...group('stable', [81, 82]), ...group('canary', [83])] }),
    services: {
      users: {
        balancer: () =>
          new GroupedBalancer({
            groupOf: ({ metadata }) => metadata.version,
            shares: { stable: 100, canary: 0 },
          }),
      },
    },
  })
  await lb.ready('users')
  const { handle } = dashboard(lb, {
    authorize: (request) => request.header('authorization') === 'Bearer let-me-in' && { by: 'on-call' },
  })
  server = createServer((request, response) => {
    // As a framework mounts it: without the path of the mount.
    request.url = request.url?.replace(/^\/lb/, '')
    handle(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lb`
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await lb.close()
})

const lbCommand = (...argv: string[]) => run([...argv, '--url', url], { env: { LB_TOKEN: 'let-me-in' } })

/** How often each port is picked in 100 picks. */
function picked(): Record<number, number> {
  const counts: Record<number, number> = {}
  for (let pick = 0; pick < 100; pick++) {
    const { port } = lb.pick('users')
    counts[port] = (counts[port] ?? 0) + 1
  }
  return counts
}

describe('a running gateway', () => {
  it('is shown by top', async () => {
    const all = await lbCommand('top')
    expect(all).toMatchObject({ code: 0, err: '' })
    expect(all.out).toMatch(/^users +fresh +3\/3 /m)
    const one = await lbCommand('top', 'users')
    expect(one.out).toMatch(/^users, 3 of 3 instances take traffic, GroupedBalancer, list fresh/)
    for (const port of [81, 82, 83]) expect(one.out).toMatch(new RegExp(`^${host}:${port} +available`, 'm'))
    expect((await lbCommand('top', 'user')).code).toBe(3)
  })

  it('without a service says when there is one', async () => {
    const idle = new LoadBalancer({ discovery: new StaticDiscovery({ users: [`${host}:81`] }) })
    const { handle } = dashboard(idle)
    const quiet = createServer(handle).listen(0, '127.0.0.1')
    await once(quiet, 'listening')
    const { out } = await run(['top', '--url', `http://127.0.0.1:${(quiet.address() as AddressInfo).port}`])
    expect(out).toMatch(/^0 services, .*\nA service is shown from its first call\.\n$/)
    quiet.closeAllConnections()
    quiet.close()
    await idle.close()
  })

  it('takes a canary through 5, 20 and 100 %, and back', async () => {
    for (const share of [5, 20, 100]) {
      const { code, out } = await lbCommand('shares', 'users', `canary=${share}`, `stable=${100 - share}`)
      expect({ code, out }).toEqual({ code: 0, out: `users: shares are canary=${share} stable=${100 - share}\n` })
      expect(picked()[83] ?? 0).toBe(share)
      const top = await lbCommand('top', 'users')
      expect(top.out).toMatch(new RegExp(`^users, .*, shares canary=${share} stable=${100 - share} by on-call, `))
    }
    expect((await lbCommand('shares', 'users', '--clear')).code).toBe(0)
    expect(picked()).toEqual({ 81: 50, 82: 50 })
    expect(lb.inspect('users').overrides).toEqual([])
    expect((await lbCommand('top', 'users')).out).not.toContain('shares')
  })

  it('drains and restores an instance, by whoever has the token', async () => {
    const drained = await lbCommand('drain', 'users', `${host}:81`)
    expect(drained).toMatchObject({ code: 0, err: '' })
    expect(drained.out).toMatch(/^users: 10\.0\.1\.1:81 is drained/)
    expect(picked()).toEqual({ 82: 100 })
    expect(lb.inspect('users').overrides).toMatchObject([{ kind: 'drained', instanceId: `${host}:81`, by: 'on-call' }])
    expect((await lbCommand('restore', 'users', `${host}:81`)).code).toBe(0)
    expect(picked()).toEqual({ 81: 50, 82: 50 })
  })

  it('refuses whoever has no token or a wrong one, an unknown instance, and a group that is not there', async () => {
    const none = await run(['drain', 'users', `${host}:81`, '--url', url])
    expect(none.code).toBe(1)
    expect(none.err).toContain('LB_TOKEN')
    const wrong = await run(['drain', 'users', `${host}:81`, '--url', url, '--token', 'let-me-not'])
    expect(wrong.code).toBe(1)
    expect(wrong.err).not.toContain('let-me-not')
    expect(wrong.err).toBe('lb: You may not do this. Check the token, and what authorize of the dashboard allows\n')
    const unknown = await lbCommand('drain', 'users', `${host}:80`)
    expect(unknown.code).toBe(3)
    expect(unknown.err).toContain(`${host}:81`)
    const group = await lbCommand('shares', 'users', 'canry=5')
    expect(group).toMatchObject({ code: 1, out: '' })
    expect(group.err).toContain('canary')
    expect(picked()).toEqual({ 81: 50, 82: 50 })
  })

  it('has its weights changed and its ejections ended', async () => {
    expect((await lbCommand('weight', 'users', `${host}:81`, '0')).code).toBe(0)
    expect(picked()).toEqual({ 82: 100 })
    expect((await lbCommand('end-ejection', 'users', `${host}:82`)).code).toBe(0)
  })
})
