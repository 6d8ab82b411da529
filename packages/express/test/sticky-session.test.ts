import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { sign } from 'cookie-signature'
import { afterEach, describe, expect, it } from 'vitest'
import { proxy, type StickyCookieOptions } from '../src/index.ts'
import { closeAll, startGateway, startInstance } from './support.ts'

afterEach(closeAll)

const secret = 'a secret of the gateway'

async function three(): Promise<string[]> {
  return Promise.all(['a', 'b', 'c'].map((id) => startInstance((_request, response) => response.end(id))))
}

describe.each(['ring-hash', 'maglev'] as const)('sticky sessions with %s', (balancer) => {
  it('a cookie keeps a client on its instance, and is given once', async () => {
    const { url } = await startGateway(await three(), { lb: { balancer }, proxy: { sticky: { cookie: 'lb', secret } } })
    const first = await fetch(url)
    const id = await first.text()
    const cookie = first.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^lb=[\w-]{22}\.[\w+/]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
    for (let request = 0; request < 5; request++) {
      const response = await fetch(url, { headers: { cookie: `other=1; ${cookie.split(';')[0]}` } })
      expect(await response.text()).toBe(id)
      expect(response.headers.get('set-cookie')).toBeNull()
    }
  })

  it('clients spread over the instances', async () => {
    const { url } = await startGateway(await three(), { lb: { balancer }, proxy: { sticky: { cookie: 'lb', secret } } })
    const ids = new Set<string>()
    for (let client = 0; client < 40; client++) ids.add(await (await fetch(url)).text())
    expect(ids.size).toBe(3)
  })

  it('a header says who the client is', async () => {
    const { url } = await startGateway(await three(), { lb: { balancer }, proxy: { sticky: { header: 'X-User' } } })
    const ask = async (user: string): Promise<string> => (await fetch(url, { headers: { 'x-user': user } })).text()
    const id = await ask('ada')
    for (let request = 0; request < 5; request++) expect(await ask('ada')).toBe(id)
    const others = await Promise.all(Array.from({ length: 40 }, (_, user) => ask(`user ${user}`)))
    expect(new Set(others).size).toBe(3)
  })
})

describe('the cookie', () => {
  it.each([
    ['forged', (cookie: string) => `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'E' : 'A'}`],
    [
      'of another client with this signature',
      (cookie: string) => cookie.replace(/=./, (each) => (each === '=A' ? '=B' : '=A')),
    ],
    ['malformed', () => 'lb=x'],
  ])('%s is replaced', async (_name, forge) => {
    const { url } = await startGateway(await three(), {
      lb: { balancer: 'maglev' },
      proxy: { sticky: { cookie: 'lb', secret } },
    })
    const cookie = ((await fetch(url)).headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    const response = await fetch(url, { headers: { cookie: forge(cookie) } })
    expect(response.headers.get('set-cookie')).toMatch(/^lb=/)
  })

  it('is for the mount point, lasts as long as asked, and is secure over TLS', async () => {
    const { url } = await startGateway(await three(), {
      lb: { balancer: 'maglev' },
      proxy: { prefix: '/users', trustProxy: true, sticky: { cookie: 'lb', secret, maxAgeSeconds: 60 } },
    })
    const response = await fetch(`${url}/users/`, { headers: { 'x-forwarded-proto': 'https' } })
    expect(response.headers.get('set-cookie')).toMatch(/; Max-Age=60; Path=\/users; HttpOnly; Secure; SameSite=Lax$/)
  })

  it.each([
    [{ sameSite: 'none' }, 'Path=/; HttpOnly; Secure; SameSite=None'],
    [{ sameSite: 'Strict' }, 'Path=/; HttpOnly; SameSite=Strict'],
    [{ secure: true }, 'Path=/; HttpOnly; Secure; SameSite=Lax'],
    [{ domain: 'shop.example', path: '/app' }, 'Domain=shop.example; Path=/app; HttpOnly; SameSite=Lax'],
    [{ partitioned: true, sameSite: 'None' }, 'Path=/; HttpOnly; Secure; Partitioned; SameSite=None'],
    [{ cookie: '__Host-lb', path: '/' }, 'Path=/; HttpOnly; Secure; SameSite=Lax'],
    [{ cookie: '__host-lb', path: '/' }, 'Path=/; HttpOnly; Secure; SameSite=Lax'],
  ] as const)('has the attributes %o', async (attributes, expected) => {
    expect(await newCookie({ attributes })).toBe(expected)
  })

  it.each([
    [{ 'x-forwarded-proto': 'https, http' }, true],
    [{ 'x-forwarded-proto': 'http, https' }, false],
    [{ forwarded: 'for=1.2.3.4;proto=https' }, true],
    [{ forwarded: 'For="[::1]"; Proto="HTTPS", for=10.0.0.1;proto=http' }, true],
    [{ forwarded: 'for=1.2.3.4;proto=http, for=10.0.0.1;proto=https' }, false],
    [{ forwarded: 'for=1.2.3.4' }, false],
    [{ forwarded: 'for=1.2.3.4;proto=http', 'x-forwarded-proto': 'https' }, true],
  ] as const)('is secure if a trusted proxy says https: %o, %s', async (headers, isSecure) => {
    expect((await newCookie({ headers })).includes('Secure')).toBe(isSecure)
    expect(await newCookie({ headers, trustProxy: false })).not.toContain('Secure')
  })

  it('is for every path if that of the mount cannot be in a cookie', async () => {
    const { url } = await startGateway(await three(), {
      framework: 'express 5',
      mount: '/t/:tenant',
      lb: { balancer: 'maglev' },
      proxy: { sticky: { cookie: 'lb', secret } },
    })
    expect((await fetch(`${url}/t/a;b/1`)).headers.get('set-cookie')).toContain('; Path=/; ')
    expect((await fetch(`${url}/t/a/1`)).headers.get('set-cookie')).toContain('; Path=/t/a; ')
  })

  it.each(['lb=x; %', '%; lb=x', 'lb=x.y; lb=; lb; %', ' a=lb=1;lb = "x" ;%'])(
    'that is valid counts, whatever else has its name: %s',
    async (header) => {
      const { url } = await startGateway(await three(), {
        lb: { balancer: 'maglev' },
        proxy: { sticky: { cookie: 'lb', secret } },
      })
      const first = await fetch(url)
      const id = await first.text()
      const own = (first.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
      const response = await fetch(url, { headers: { cookie: header.replace('%', own) } })
      expect([await response.text(), response.headers.get('set-cookie')]).toEqual([id, null])
    },
  )

  it.each(['', 'a\r\nX-A: 1', 'a;b', 'é☃', 'a'.repeat(65)])(
    'is replaced if its secret has signed what is no identifier: %j',
    async (value) => {
      for (const secrets of [[secret], ['a newer secret of it', secret]]) {
        const { url } = await startGateway(await three(), {
          lb: { balancer: 'maglev' },
          proxy: { sticky: { cookie: 'lb', secret: secrets } },
        })
        const response = await fetch(url, { headers: { cookie: `lb=${encodeURIComponent(sign(value, secret))}` } })
        expect(response.status).toBe(200)
        expect(response.headers.get('set-cookie')).toMatch(/^lb=[\w-]{22}\./)
      }
    },
  )

  it('can have any name of a cookie', async () => {
    for (const cookie of ['__proto__', 'constructor']) {
      const { url } = await startGateway(await three(), {
        lb: { balancer: 'maglev' },
        proxy: { sticky: { cookie, secret } },
      })
      const own = ((await fetch(url)).headers.get('set-cookie') ?? '').split(';')[0] ?? ''
      expect((await fetch(url, { headers: { cookie: own } })).headers.get('set-cookie')).toBeNull()
    }
  })

  it('of an older secret is accepted, and signed again with the first one', async () => {
    const instances = await three()
    const start = (...secrets: string[]): Promise<{ url: string }> =>
      startGateway(instances, { lb: { balancer: 'maglev' }, proxy: { sticky: { cookie: 'lb', secret: secrets } } })
    const [older, both, newer] = [
      await start(secret),
      await start('a newer secret of it', secret),
      await start('a newer secret of it'),
    ]
    const ask = async ({ url }: { url: string }, cookie = ''): Promise<{ id: string; cookie: string | undefined }> => {
      const response = await fetch(url, { headers: { cookie } })
      return { id: await response.text(), cookie: response.headers.get('set-cookie')?.split(';')[0] }
    }
    for (let client = 0; client < 5; client++) {
      const first = await ask(older)
      const second = await ask(both, first.cookie)
      expect(second.id).toBe(first.id)
      expect(second.cookie).not.toBe(first.cookie)
      expect(second.cookie?.split('.')[0]).toBe(first.cookie?.split('.')[0])
      for (const each of [both, newer])
        expect(await ask(each, second.cookie)).toEqual({ id: first.id, cookie: undefined })
      expect((await ask(newer, first.cookie)).cookie).toBeDefined()
    }
  })
})

interface CookieCase {
  readonly attributes?: Partial<StickyCookieOptions>
  readonly headers?: Record<string, string>
  readonly trustProxy?: boolean
}

/** The attributes of the cookie that a new client gets. */
async function newCookie({ attributes = {}, headers = {}, trustProxy = true }: CookieCase): Promise<string> {
  const { url } = await startGateway(await three(), {
    lb: { balancer: 'maglev' },
    proxy: { trustProxy, sticky: { cookie: 'lb', secret, ...attributes } },
  })
  const cookie = (await fetch(url, { headers })).headers.get('set-cookie') ?? ''
  return cookie.slice(cookie.indexOf('; ') + 2)
}

describe('options of the cookie are refused by name', () => {
  it.each([
    [{ secret: 'short' }, 'secret'],
    [{ secret: [] }, 'secret'],
    [{ secret: [secret, 'short'] }, 'secret'],
    [{ sameSite: 'no' as 'none' }, 'sameSite'],
    [{ secure: false, sameSite: 'none' }, 'secure'],
    [{ secure: false, partitioned: true }, 'secure'],
    [{ domain: 'a;b' }, 'domain'],
    [{ domain: '' }, 'domain'],
    [{ path: 'app' }, 'path'],
    [{ path: '/a;b' }, 'path'],
    [{ cookie: '__Host-lb' }, 'path'],
    [{ cookie: '__Host-lb', path: '/', domain: 'a.example' }, 'domain'],
    [{ cookie: '__host-lb' }, 'path'],
    [{ cookie: '__SECURE-lb', secure: false }, 'secure'],
    [{ partitioned: 1 as never }, 'partitioned'],
  ] as const)('%o', (options, name) => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: ['a:1'] }), balancer: 'maglev' })
    let thrown: unknown
    try {
      proxy(lb, 'service', { sticky: { cookie: 'lb', secret, ...options } })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'LB_INVALID_OPTION', option: `proxy.sticky.${name}` })
    // Secrets appear in no message.
    expect(String(thrown)).not.toMatch(/short|a secret/)
  })
})
