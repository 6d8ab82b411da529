import { afterEach, describe, expect, it } from 'vitest'
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
    expect(cookie).toMatch(/^lb=[\w-]{22}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
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
    expect(response.headers.get('set-cookie')).toMatch(/; Path=\/users; Max-Age=60; HttpOnly; SameSite=Lax; Secure$/)
  })
})
