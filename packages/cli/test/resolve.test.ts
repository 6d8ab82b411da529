import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Consul, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Stopped } from '../src/command-error.ts'
import { exitCodes } from '../src/index.ts'
import { run, words } from './run-command.ts'

const endpoints = (json: string): string[] => JSON.parse(json).map(({ endpoint }: { endpoint: string }) => endpoint)

describe('resolve', () => {
  it('shows addresses as a table', async () => {
    const line = 'resolve users --static 10.0.0.2:80,https://h:443 --static 10.0.0.1:80'
    expect(await run(words(line))).toEqual({
      code: 0,
      out: [
        'ENDPOINT            WEIGHT  PRIORITY  STATE\n',
        'http://10.0.0.1:80       1         0  available\n',
        'http://10.0.0.2:80       1         0  available\n',
        'https://h:443            1         0  available\n',
      ].join(''),
      err: '',
    })
  })

  it('colours on a terminal only, and not with NO_COLOR', async () => {
    const argv = words('resolve users --static 10.0.0.1:80')
    const escapes = async (options: object): Promise<boolean> => (await run(argv, options)).out.includes('\u001b[')
    expect(await escapes({ columns: 80 })).toBe(true)
    expect(await escapes({})).toBe(false)
    expect(await escapes({ columns: 80, env: { NO_COLOR: '1' } })).toBe(false)
    expect(await escapes({ columns: 80, env: { TERM: 'dumb' } })).toBe(false)
  })

  it('reads variables, and ends with 3 where there are none', async () => {
    const env = { services__users__http__0: 'http://10.0.0.1:80' }
    expect(endpoints((await run(words('resolve users --env -o json'), { env })).out)).toEqual(['http://10.0.0.1:80'])
    const { code, out, err } = await run(words('resolve orders --env -o json'), { env })
    expect({ code, out }).toEqual({ code: 3, out: '[]\n' })
    expect(err).toMatch(/^lb: orders has no instances according to --env\. [^\n]+\n$/)
  })

  describe('with a file', () => {
    let folder: string
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'lb-cli-'))
    })
    afterEach(() => rmSync(folder, { recursive: true }))

    it('has zone, weight and metadata, and a warning for what cannot be used', async () => {
      const file = join(folder, 'users.json')
      const groups = [{ targets: ['10.0.0.1:80', 'nonsense'], labels: { zone: 'eu-1', weight: '2', version: 'v2' } }]
      writeFileSync(file, JSON.stringify(groups))
      const { code, out, err } = await run(['resolve', 'users', '--file', folder])
      expect(code).toBe(0)
      expect(out).toMatch(/^http:\/\/10\.0\.0\.1:80 +2 +0 +eu-1 +available +version=v2$/m)
      expect(err).toContain('left out: ')
    })

    it.each([[[]], [['-o', 'json']]])('masks metadata that sound like secrets: %j', async (flags) => {
      const labels = { version: 'v2', 'api-token': 'hush', docs: 'http://user:hush@docs/x' }
      writeFileSync(join(folder, 'users.json'), JSON.stringify([{ targets: ['10.0.0.1:80'], labels }]))
      const { out } = await run(['resolve', 'users', '--file', folder, ...flags])
      expect(out).toContain('v2')
      expect(out).toMatch(/http:..[•*]+@docs.x/)
      expect(out).not.toContain('hush')
    })

    it('lets nothing in names and metadata drive the terminal', async () => {
      const labels = { zone: '\u001b[2J\u009b1m\u202e', version: '\u001b]0;owned\u0007', '\r\nkey': 'x' }
      writeFileSync(join(folder, 'users.json'), JSON.stringify([{ targets: ['10.0.0.1:80'], labels }]))
      for (const format of ['table', 'json']) {
        const { out, err } = await run(['resolve', 'users', '--file', folder, '-o', format])
        expect(out.replaceAll('\n', '') + err.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
        expect(out).toContain(format === 'json' ? '\\u001b[2J\\u009b1m\\u202e' : '\\u{1b}[2J\\u{9b}1m\\u{202e}')
      }
    })

    it('says which path cannot be read', async () => {
      const { code, err } = await run(['resolve', 'users', '--file', join(folder, 'none.json')])
      expect(code).toBe(1)
      expect(err).toMatch(/^lb: [^\n]*none\.json[^\n]*\n$/)
    })
  })
})

describe('a registry that does not answer', () => {
  let server: Server
  let url: string
  let onRequest: () => void
  beforeEach(async () => {
    onRequest = () => {}
    server = createServer(() => onRequest())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  it.each(['consul', 'etcd', 'nacos', 'kubernetes'])('--%s ends after --timeout', async (name) => {
    const { code, err } = await run(['resolve', 'users', `--${name}`, url, '--timeout', '300ms'])
    expect(code).toBe(1)
    expect(err).toMatch(/^lb: users: [^\n]+\n$/)
  })

  it.each(['resolve', 'watch', 'doctor', 'call'])('%s ends when it is stopped', async (command) => {
    const controller = new AbortController()
    onRequest = () => controller.abort(new Stopped('interrupted', exitCodes.interrupted))
    const argv = [command, 'users', '--consul', url, '--timeout', '1m']
    expect(await run(argv, { signal: controller.signal })).toEqual({ code: 130, out: '', err: '' })
  })
})

describe('a registry that refuses connections', () => {
  it.each(['consul', 'etcd', 'nacos', 'kubernetes'])('--%s says so in one line, with a remedy', async (name) => {
    const { code, err } = await run(['resolve', 'users', `--${name}`, 'http://127.0.0.1:9', '--timeout', '10m'])
    expect(code).toBe(1)
    expect(err).toMatch(/^lb: users: [^\n]+ECONNREFUSED[^\n]+Nothing listens there[^\n]+\n$/)
  })
})

describeWithServers('with Consul', Consul.programs, () => {
  let consul: Consul
  beforeAll(async () => {
    consul = await Consul.start({ acl: true })
    const passing = { CheckID: 'ok', TTL: '1h', Status: 'passing' }
    const critical = { CheckID: 'bad', TTL: '1h', Status: 'critical' }
    const common = { Name: 'users', Address: '10.0.0.1' }
    await consul.register({ ...common, ID: 'a', Port: 81, Check: passing, Meta: { zone: 'eu-1' } })
    await consul.register({ ...common, ID: 'b', Port: 82, Check: critical, Tags: ['v2'] })
    await consul.register({ ...common, ID: 'c', Port: 83, Check: passing, Weights: { Passing: 5, Warning: 1 } })
  }, startTimeoutMs)
  afterAll(() => consul.stop())

  const env = (): Record<string, string> => ({ CONSUL_HTTP_ADDR: consul.url, MY_TOKEN: consul.managementToken })

  it('shows weight, zone, state and reason', async () => {
    const { code, out } = await run(words('resolve users --consul --token-env MY_TOKEN'), { env: env() })
    expect(code).toBe(0)
    const [, a = '', b = '', c = ''] = out.split('\n')
    expect(a).toMatch(/^http:\/\/10\.0\.0\.1:81 +1 +0 +eu-1 +available/)
    expect(b).toMatch(/^http:\/\/10\.0\.0\.1:82 +1 +0 +unhealthy +\S/)
    expect(c).toMatch(/^http:\/\/10\.0\.0\.1:83 +5 +0 +available/)
  })

  it('asks for a tag', async () => {
    const { out } = await run(words('resolve users --consul --token-env MY_TOKEN --tag v2 -o json'), { env: env() })
    expect(endpoints(out)).toEqual(['http://10.0.0.1:82'])
  })

  it('says that the registry refuses a token, and does not show it', async () => {
    const { code, out, err } = await run(words('resolve users --consul --token-env MY_TOKEN --debug'), {
      env: { ...env(), MY_TOKEN: '5d3c0ad1-0000-0000-0000-0d9a4c3a2b11' },
    })
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('403')
    expect(err).not.toContain('5d3c0ad1')
  })

  it('resolves the same service by DNS', async () => {
    const names = words(`--dns-name {service}.service.consul. --dns-transport tcp -o json`)
    const open = await Consul.start()
    try {
      await open.register({ Name: 'users', ID: 'a', Address: '10.0.0.1', Port: 81 })
      const srv = await run(['resolve', 'users', '--dns-srv', open.address, ...names])
      expect(endpoints(srv.out)).toEqual(['http://10.0.0.1:81'])
      const a = await run(['resolve', 'users', '--dns', open.address, '--port', '8080', ...names])
      expect(endpoints(a.out)).toEqual(['http://10.0.0.1:8080'])
      const none = await run(['resolve', 'none', '--dns-srv', open.address, ...names])
      expect(none.code).toBe(3)
    } finally {
      await open.stop()
    }
  })
})
