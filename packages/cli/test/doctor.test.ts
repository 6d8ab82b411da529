import { LoopbackBackend } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { run, words } from './run-command.ts'

describe('doctor', () => {
  it('checks URL, registry, pick and connections, one after the other', async () => {
    await using backend = await LoopbackBackend.start({ id: 'a' })
    const { code, out } = await run(words(`doctor http://users/v1 --connect --static ${backend.address},127.0.0.1:9`))
    expect(code).toBe(1)
    expect(out.trimEnd().split('\n')).toEqual([
      '✓ the URL names the service users',
      '✓ --static knows 2 instances of users: 2 available',
      expect.stringMatching(
        /^✓ a request would go to http:\/\/\S+: the first pick of RoundRobinBalancer among 2 of 2; /,
      ),
      expect.stringMatching(new RegExp(`^✓ http://${backend.address} accepts connections, in `)),
      expect.stringMatching(/^✗ http:\/\/127\.0\.0\.1:9: connect ECONNREFUSED .* Nothing listens there/),
    ])
  })

  it.each([
    ['http://users:8080/', 'it has a port'],
    ['http://users.example.org/', 'a name with dots'],
    ['http://localhost/', 'localhost is this machine'],
    ['http://10.0.0.1/', 'it is an IP address'],
    ['http://[::1]/', 'it is an IP address'],
  ])('says why %s names no service', async (url, reason) => {
    const { code, out } = await run(['doctor', url, '--static', '10.0.0.1:80'])
    expect(code).toBe(1)
    expect(out).toMatch(/^✗ the URL names the server [^\n]+\n$/)
    expect(out).toContain(reason)
  })

  it.each(['lb:users', 'lb://users/x', 'lb:///users', 'HTTP://users', 'https://users?x=1', 'users'])(
    'takes %s for the service users',
    async (target) => {
      const { code, out } = await run(['doctor', target, '--static', '10.0.0.1:80', '-o', 'json'])
      expect(code).toBe(0)
      expect(JSON.parse(out)).toMatchObject({
        target,
        findings: expect.arrayContaining([
          { check: 'registry', ok: true, message: '--static knows 1 instance of users: 1 available' },
        ]),
        instances: [{ endpoint: 'http://10.0.0.1:80', state: 'available', candidate: true }],
      })
    },
  )

  it('checks a URL without a registry', async () => {
    const { code, out, err } = await run(['doctor', 'http://users/'])
    expect({ code, out }).toEqual({ code: 0, out: '✓ the URL names the service users\n' })
    expect(err).toBe('lb: no registry is asked without a source, such as --consul\n')
    expect((await run(['doctor', 'users'])).code).toBe(2)
  })

  it('ends with 3 where there are no instances, and with 1 where the registry fails', async () => {
    expect((await run(words('doctor users --env'))).code).toBe(3)
    const { code, out } = await run(words('doctor users --consul http://127.0.0.1:9'))
    expect(code).toBe(1)
    expect(out).toMatch(/^✗ users: [^\n]+ECONNREFUSED[^\n]+\n$/)
  })
})
