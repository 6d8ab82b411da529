import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Stopped } from '../src/command-error.ts'
import { exitCodes } from '../src/index.ts'
import { FakeDashboard } from './fake-dashboard.ts'
import { run } from './run-command.ts'

let gateway: FakeDashboard
beforeEach(async () => {
  gateway = await FakeDashboard.start()
})
afterEach(() => gateway.stop())

const refusal = (status: number, error: object): void => {
  gateway.answer = () => ({ status, body: { error } })
}

describe('commands that change something', () => {
  it.each([
    [['drain', 'users', 'a:1'], 'drain', { instance: 'a:1' }],
    [['restore', 'users', 'a:1'], 'restore', { instance: 'a:1' }],
    [['end-ejection', 'users', 'a:1'], 'end-ejection', { instance: 'a:1' }],
    [['weight', 'users', 'a:1', '0.5'], 'weight', { instance: 'a:1', weight: 0.5 }],
    [['shares', 'users', 'canary=5', 'stable=95'], 'shares', { shares: { canary: 5, stable: 95 } }],
    [['shares', 'users', '--clear'], 'shares', { shares: null }],
  ])('%j', async (argv, verb, body) => {
    gateway.answer = () => ({ body: { instance: { state: 'available', effectiveWeight: 1 } } })
    const { code, out, err } = await run([...argv, '--url', `${gateway.url}/`], { env: { LB_TOKEN: 'let-me-in' } })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^users: [^\n]+\n$/)
    const [request] = gateway.requests
    expect(request).toMatchObject({
      method: 'POST',
      url: `/lb/api/v1/services/users/${verb}`,
      headers: {
        authorization: 'Bearer let-me-in',
        'content-type': 'application/json',
        'x-lb-dashboard': expect.any(String),
      },
    })
    expect(JSON.parse(request?.body ?? '')).toEqual(body)
  })

  it('name services and instances that no path could hold', async () => {
    await run(['drain', 'PAY@@a/b', '../x', '--url', gateway.url])
    expect(gateway.requests[0]).toMatchObject({
      url: '/lb/api/v1/services/PAY%40%40a%2Fb/drain',
      body: '{"instance":"../x"}',
    })
    expect(gateway.requests[0]?.headers).not.toHaveProperty('authorization')
  })

  it.each<[number, object, number, string]>([
    [
      404,
      { code: 'UNKNOWN_INSTANCE', message: 'There is no instance b:1', known: ['a:1', 'c:1'] },
      3,
      'There is no instance b:1. Known are a:1, c:1',
    ],
    [400, { code: 'LB_INVALID_OPTION', message: 'weight must be ≥ 0', field: 'weight' }, 1, 'weight must be ≥ 0'],
    [
      401,
      { code: 'UNAUTHORIZED', message: 'Who are you?' },
      1,
      'Who are you? Set the variable LB_TOKEN, or give --token',
    ],
    [403, { code: 'FORBIDDEN', message: 'You may not do this' }, 1, 'You may not do this. Set the variable LB_TOKEN'],
    [403, { code: 'READ_ONLY', message: 'This dashboard only reads.' }, 1, 'This dashboard only reads\n'],
    [
      404,
      { code: 'X', message: '\u001b[2Jboo\nhoo', known: ['\u001b[1m'] },
      3,
      '\\u{1b}[2Jboo\\u{a}hoo. Known are \\u{1b}[1m',
    ],
    [500, {}, 1, 'status 500'],
  ])('say why they are refused: %i %j', async (status, error, code, message) => {
    refusal(status, error)
    const ended = await run(['drain', 'users', 'b:1', '--url', gateway.url])
    expect(ended).toMatchObject({ code, out: '' })
    expect(ended.err).toMatch(/^lb: [^\n]+\n$/)
    expect(ended.err).toContain(message)
  })
})

describe('a URL that is no dashboard', () => {
  it.each<[string, () => object | undefined]>([
    ['a page', () => ({ body: '<html>', headers: { 'content-type': 'text/html' } })],
    ['nothing', () => ({ status: 404, body: 'Cannot GET /lb' })],
    ['a redirect', () => ({ status: 302, headers: { location: 'http://127.0.0.1:9/' } })],
    ['JSON that is no object', () => ({ body: [] })],
  ])('%s', async (_, answer) => {
    gateway.answer = answer
    const { code, out, err } = await run(['top', '--url', gateway.url])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain(`there is no dashboard at ${gateway.url} (status`)
    // The token goes nowhere else.
    expect(gateway.requests).toHaveLength(1)
  })

  it('for changes names the route too, which may be for GET alone', async () => {
    gateway.answer = ({ method }) => (method === 'GET' ? undefined : { status: 404, body: 'Cannot POST' })
    const { code, err } = await run(['drain', 'users', 'b:1', '--url', gateway.url])
    expect(code).toBe(1)
    expect(err).toMatch(/^lb: there is no dashboard at .* \(status 404, .*\)\. .*, and let its route accept POST\n$/)
  })

  it('that is silent ends after --timeout', async () => {
    gateway.answer = () => undefined
    const { code, err } = await run(['top', '--url', gateway.url, '--timeout', '100ms'])
    expect(code).toBe(1)
    expect(err).toBe(
      `lb: ${gateway.url} did not respond within 100 ms. Check the address, or give a longer --timeout\n`,
    )
  })

  it('that is not there says so', async () => {
    const { url } = gateway
    await gateway.stop()
    const { code, err } = await run(['top', '--url', url])
    expect(code).toBe(1)
    expect(err).toContain(`${url} cannot be reached: connect ECONNREFUSED`)
    gateway = await FakeDashboard.start()
  })
})

describe('top', () => {
  const service = (name: string): object => ({
    service: name,
    status: 'fresh',
    candidates: 2,
    known: 3,
    inFlight: 4,
    queued: 0,
    retryBudget: 41.7,
    listAgeMs: 2_400,
    traffic: { perSecond: 210.44, failuresPerSecond: 0.2, p50Ms: 9.81, p99Ms: 88 },
  })

  it('prints once without a terminal', async () => {
    gateway.answer = () => ({ body: { total: 1, services: [service('us\u001b[31mers')] } })
    const { code, out } = await run(['top', '--url', gateway.url])
    expect(code).toBe(0)
    expect(out).toBe(
      [
        '1 service, 2026-11-30T03:00:00.000Z\n',
        'SERVICE          LIST   CANDIDATES  CALLS/S  FAIL/S  P50 MS  P99 MS  IN FLIGHT  QUEUED  RETRIES LEFT  LIST AGE S\n',
        'us\\u{1b}[31mers  fresh         2/3    210.4     0.2     9.8    88.0          4       0            42           2\n',
      ].join(''),
    )
  })

  it('reads every page of instances', async () => {
    const total = 1_100
    gateway.answer = ({ url = '' }) => {
      const { searchParams } = new URL(url, 'http://h')
      const [offset, limit] = [Number(searchParams.get('offset') ?? 0), Number(searchParams.get('limit'))]
      const length = Math.min(limit, total - offset)
      const instances = Array.from({ length }, (_, index) => ({
        instance: { id: `i${offset + index}` },
        state: 'available',
      }))
      return { body: { total, service: service('users'), instances } }
    }
    const { out } = await run(['top', 'users', '--url', gateway.url, '-o', 'json', '--once'])
    const ids = JSON.parse(out).instances.map(({ instance }: { instance: { id: string } }) => instance.id)
    expect(new Set(ids).size).toBe(total)
    expect(gateway.requests).toHaveLength(3)
  })

  it('does not go on asking a gateway that claims to have more', async () => {
    gateway.answer = () => {
      const isFirst = gateway.requests.length === 1
      return { body: { total: 1_000_000, services: isFirst ? [service('users')] : [] } }
    }
    expect((await run(['top', '--url', gateway.url])).code).toBe(0)
    expect(gateway.requests).toHaveLength(2)
  })

  it('redraws a terminal in place, survives a failure, and gives the terminal back', async () => {
    const controller = new AbortController()
    gateway.answer = () => {
      const round = gateway.requests.length
      if (round === 2) return { status: 503, body: { error: { message: 'closed for now' } } }
      if (round === 3) controller.abort(new Stopped('interrupted', exitCodes.interrupted))
      return { body: { total: 1, services: [service('a-long-name-of-a-service')] } }
    }
    const argv = ['top', '--url', gateway.url, '--interval', '100ms']
    const { code, out } = await run(argv, { columns: 44, signal: controller.signal })
    expect(code).toBe(130)
    expect(out.startsWith('\u001b[?1049h\u001b[?25l\u001b[H')).toBe(true)
    expect(out.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true)
    expect(out).toContain('! closed for now')
  })
})
