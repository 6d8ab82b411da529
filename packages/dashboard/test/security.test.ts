import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { LoadBalancer, type LoadBalancerEvent, StaticDiscovery } from '@lb/core'
import { FakeClock, settlePromises } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Dashboard, dashboard, type ServiceResponse } from '../src/index.ts'
import { changeHeaders, get, post } from './requests.ts'
import { closeAll, serve } from './servers.ts'

let lb: LoadBalancer
let shown: Dashboard
let drained: readonly string[]
const hostile = '<img src=x onerror=alert(1)>"\'`\u2028</script>'

beforeEach(async () => {
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({
      users: [
        {
          host: '10.0.0.1',
          port: 80,
          metadata: {
            'api-token': 'hunter2',
            DB_PASSWORD: 'hunter2',
            version: hostile,
            docs: 'http://admin:hunter2@10.0.0.1/docs?by=a@b',
          },
        },
        { host: '10.0.0.2', port: 80, id: hostile },
      ],
    }),
  })
  await lb.ready('users')
  shown = dashboard(lb, { authorize: () => ({ by: 'alice' }), hosts: ['ops.example.com', '*.corp.example'] })
  drained = []
  lb.subscribe((event) => {
    if (event.type === 'override-changed') drained = [...drained, event.instanceId ?? '']
  })
})

afterEach(async () => {
  await closeAll()
  await lb.close()
})

const drain = { instance: '10.0.0.1:80' }

describe('a page of another origin (CSRF)', () => {
  it.each([
    ['sends a form', { 'content-type': 'application/x-www-form-urlencoded', 'x-lb-dashboard': '1' }, 415],
    ['sends text', { 'content-type': 'text/plain', 'x-lb-dashboard': '1' }, 415],
    ['sends no header of ours', { 'content-type': 'application/json' }, 403],
    ['is cross-site', { ...changeHeaders, 'sec-fetch-site': 'cross-site' }, 403],
    ['is of the same site', { ...changeHeaders, 'sec-fetch-site': 'same-site' }, 403],
    ['has another origin', { ...changeHeaders, origin: 'https://evil.example' }, 403],
    ['has an origin that ends like ours', { ...changeHeaders, origin: 'http://evil.localhost' }, 403],
    ['has no origin', { ...changeHeaders, origin: 'null' }, 403],
  ])('changes nothing if it %s', async (_, headers, status) => {
    expect((await post(shown, 'api/v1/services/users/drain', drain, headers)).status).toBe(status)
    expect(drained).toEqual([])
  })

  it.each([
    ['the same origin', { ...changeHeaders, 'sec-fetch-site': 'same-origin' }],
    ['the same origin over http', { ...changeHeaders, origin: 'http://localhost' }],
    ['a name in hosts, behind a proxy that changes Host', { ...changeHeaders, origin: 'https://ops.example.com' }],
    ['a program', changeHeaders],
  ])('but %s does', async (_, headers) => {
    expect((await post(shown, 'api/v1/services/users/drain', drain, headers)).status).toBe(200)
    expect(drained).toEqual(['10.0.0.1:80'])
  })

  it('gets no permission by a preflight request', async () => {
    const { status, headers } = await get(shown, 'api/v1/services/users/drain', { method: 'OPTIONS' })
    expect(status).toBe(405)
    expect(headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('a name that resolves to this server (DNS rebinding)', () => {
  it.each([
    'evil.example',
    'ops.example.com.evil.example',
    'corp.example',
    '127.0.0.1.evil.example',
    'xlocalhost',
    '::1',
  ])('is refused: %s', async (host) => {
    const { status, body } = await get(shown, 'api/v1/services', { headers: { host } })
    expect(status).toBe(421)
    expect(body.error.message).toContain('hosts')
    expect((await get(shown, '', { headers: { host } })).status).toBe(421)
  })

  it.each([
    'localhost',
    'LocalHost:8080',
    'a.localhost',
    '127.0.0.1:1',
    '10.0.0.1',
    '[::1]:8080',
    'ops.example.com:443',
    'x.corp.example',
  ])('is none: %s', async (host) => {
    expect((await get(shown, 'api/v1/services', { headers: { host } })).status).toBe(200)
  })

  it('is refused where the server says it in the URL alone', async () => {
    expect((await get(shown, 'api/v1/services', { origin: 'http://evil.example' })).status).toBe(421)
  })
})

describe('what the page is allowed', () => {
  it('is its own script and style, and no frame around it', async () => {
    const { headers } = await get(shown, '')
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(headers.get('x-frame-options')).toBe('DENY')
  })

  it('is said with JSON too, which no browser takes for something else', async () => {
    const { headers } = await get(shown, 'api/v1/services/users')
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
  })

  it('has no text of others in its HTML', async () => {
    const titled = dashboard(lb, { title: hostile.slice(0, 40) })
    expect((await get<string>(titled, '')).body).toBe((await get<string>(shown, '')).body)
    titled.close()
  })
})

describe('secrets', () => {
  it('are masked where metadata look like them', async () => {
    const { body } = await get<ServiceResponse>(shown, 'api/v1/services/users')
    const { metadata } = body.instances[0]?.instance ?? {}
    const docs = 'http://••••••@10.0.0.1/docs?by=a@b'
    expect(metadata).toEqual({ 'api-token': '••••••', DB_PASSWORD: '••••••', version: hostile, docs })
    expect(JSON.stringify(body)).not.toContain('hunter2')
  })

  it('of what authorize throws are in the event, not in the response', async () => {
    const events: LoadBalancerEvent[] = []
    lb.subscribe((event) => events.push(event), ['control-refused'])
    const failing = dashboard(lb, {
      authorize: () => {
        throw new Error('ldap://admin:hunter2@ldap')
      },
    })
    const { status, body } = await post(failing, 'api/v1/services/users/drain', drain)
    expect({ status, secret: JSON.stringify(body).includes('hunter2') }).toEqual({ status: 403, secret: false })
    expect(events).toMatchObject([{ because: 'authorize-failed', service: 'users', change: 'drain' }])
    failing.close()
  })
})

describe('paths', () => {
  it.each([
    'api/v1/services/..%2f..%2fetc%2fpasswd',
    'api/v1/services/%2e%2e',
    'api/v1/services/__proto__',
    'api/v1/services/constructor',
    `api/v1/services/${encodeURIComponent(hostile)}`,
    'api/v1/services/%00',
    'api/v1/services/users%0d%0aset-cookie:x',
    `api/v1/services/${'x'.repeat(5_000)}`,
    'assets/..%2fpackage.json',
    'assets/__proto__',
    'assets/toString',
    'api/v1/services/users/explode',
    'api/v1/services/users/drain/more',
    'api/v2/services',
    'api/v1/',
    'api/v1',
  ])('lead nowhere: %s', async (path) => {
    const { status, body } = await get(shown, path)
    expect(path.endsWith('users/drain/more') || status === 404).toBe(true)
    expect(body.error.message.length).toBeLessThan(300)
    expect(lb.inspect()).toHaveLength(1)
  })

  it('that are not well encoded are bad requests', async () => {
    for (const path of ['api/v1/services/%zz', 'api/v1/services/%ff', 'api/v1/calls/%']) {
      expect((await get(shown, path)).status).toBe(400)
    }
  })

  it('redirect to the slash without leaving the server', async () => {
    for (const path of ['//evil.example/lb', '/https:evil', '/\\evil', '/javascript:alert(1)']) {
      const location = await rawLocation(path)
      const url = new URL(location, `http://127.0.0.1${path}`)
      expect(url.host).toBe('127.0.0.1')
      expect(url.protocol).toBe('http:')
    }
  })

  it('redirect to the slash where a middleware has decoded them', async () => {
    for (const [path, location] of [
      ['/a\r\nset-cookie: x', './a%0D%0Aset-cookie:%20x/'],
      ['/\u4e2d', './%E4%B8%AD/'],
      ['/\ud800', './%EF%BF%BD/'],
    ]) {
      const origin = await serve((request, response) => {
        request.url = path
        shown.handle(request, response)
      })
      const { status, headers } = await fetch(origin, { redirect: 'manual' })
      expect({ status, location: headers.get('location') }).toEqual({ status: 307, location })
    }
  })

  async function rawLocation(path: string): Promise<string> {
    const { port } = new URL(await serve(shown.handle))
    const socket = connect(Number(port), '127.0.0.1')
    socket.end(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
    return /location: (.*)\r/i.exec(await text(socket))?.[1] ?? 'https://none'
  }
})

describe('requests', () => {
  it.each(['PUT', 'DELETE', 'PATCH', 'POST'])(
    'with the method %s change nothing where they may only read',
    async (method) => {
      for (const path of ['', 'api/v1/services', 'api/v1/events', 'api/v1/services/users']) {
        const { status, headers } = await get(shown, path, { method })
        expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow: 'GET, HEAD' })
      }
    },
  )

  it('with GET change nothing where they may change', async () => {
    const { status, headers } = await get(shown, 'api/v1/services/users/drain')
    expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow: 'POST' })
  })

  it('with a long body are refused, over a socket too, which is closed', async () => {
    const long = JSON.stringify({ instance: 'x'.repeat(20_000) })
    expect((await post(shown, 'api/v1/services/users/drain', long)).status).toBe(413)
    const origin = await serve(shown.handle)
    const response = await fetch(`${origin}/api/v1/services/users/drain`, {
      method: 'POST',
      headers: changeHeaders,
      body: long,
    })
    expect(response.status).toBe(413)
    expect(response.headers.get('connection')).toBe('close')
  })

  it('with a body that does not arrive are refused after 10 seconds, over fetch too', async () => {
    const clock = new FakeClock()
    const slow = dashboard(lb, { authorize: () => ({ by: 'alice' }), clock })
    let isGivenUp = false
    const body = new ReadableStream({
      cancel: () => {
        isGivenUp = true
      },
    })
    const init = { method: 'POST', headers: changeHeaders, body, duplex: 'half' } as const
    const answer = get(slow, 'api/v1/services/users/drain', init)
    await settlePromises()
    await clock.advance(10_000)
    expect({ status: (await answer).status, isGivenUp }).toEqual({ status: 400, isGivenUp: true })
    slow.close()
  })

  it.each([
    ['', undefined],
    ['{', undefined],
    ['[]', undefined],
    ['null', undefined],
    ['"x"', undefined],
    ['{"instance":1}', 'instance'],
    ['{"instance":""}', 'instance'],
    ['{"instance":"10.0.0.1:80","weight":1}', 'weight'],
    ['{"__proto__":{"instance":"10.0.0.1:80"}}', '__proto__'],
  ])('with the body %s are bad requests', async (body, field) => {
    const answer = await post(shown, 'api/v1/services/users/drain', body)
    expect({ status: answer.status, field: answer.body.error.field }).toEqual({ status: 400, field })
    expect(drained).toEqual([])
  })
})
