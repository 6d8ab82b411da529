import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import {
  closeAll,
  exchangeBytes,
  type Framework,
  frameworks,
  startEcho,
  startGateway,
  startInstance,
} from './support.ts'

afterEach(closeAll)

const send = (port: number, target: string): Promise<string> =>
  exchangeBytes(port, `GET ${target} HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n`, 4_000)

describe.each(frameworks)('%s: paths', (framework: Framework) => {
  const mounted = framework.startsWith('bare') ? { proxy: { prefix: '/users' } } : { mount: '/users' }

  it.each([
    ['/users/v1/profile?a=b&c=%20', '/v1/profile?a=b&c=%20'],
    ['/users', '/'],
    ['/users?x', '/?x'],
    ['/users/', '/'],
    // Express 4 takes the first slash for the end of the mount.
    ['/users//a//b', framework === 'express 4' ? '/a//b' : '//a//b'],
    ['/users/a%2Fb%20c;d=e', '/a%2Fb%20c;d=e'],
    ['http://gw.test/users/a', '/a'],
  ])('%s below the mount point is %s for the instance', async (sent, expected) => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { framework, ...mounted })
    await send(port, sent)
    expect(seen.map(({ url }) => url)).toEqual([expected])
  })

  it('beside the mount point is not the proxy’s', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { framework, ...mounted })
    expect(await send(port, '/users2/a')).toMatch(/^HTTP\/1.1 404/)
    expect(seen).toEqual([])
  })

  it('targetPrefix is put before what remains', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], {
      framework,
      ...mounted,
      proxy: { ...mounted.proxy, targetPrefix: '/internal/v1' },
    })
    await send(port, '/users/a?b')
    expect(seen[0]?.url).toBe('/internal/v1/a?b')
  })
})

describe('paths', () => {
  it('the option prefix serves an Express proxy that is not mounted', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { framework: 'express 5', proxy: { prefix: '/users' } })
    await send(port, '/users/a')
    expect(await send(port, '/other')).toMatch(/^HTTP\/1.1 404/)
    expect(seen.map(({ url }) => url)).toEqual(['/a'])
  })

  it('rewritePath says the whole', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], {
      proxy: { prefix: '/users', rewritePath: (path) => path.replace(/^\/old/, '/new') },
    })
    await send(port, '/users/old/a?b')
    expect(seen[0]?.url).toBe('/new/a?b')
  })

  it('any legal path arrives byte for byte', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { proxy: { prefix: '/p' } })
    const segment = fc.stringMatching(/^[\w!$&'()*+,;=:@-]{0,8}(?:%[2-7][0-9A-F]){0,2}[\w~-]{1,3}$/)
    const path = fc.tuple(fc.array(segment, { maxLength: 4 }), fc.stringMatching(/^[\w=&/?.%-]{0,10}$/))
    await fc.assert(
      fc.asyncProperty(path, async ([segments, query]) => {
        seen.length = 0
        const target = `/${segments.join('/')}?${query}`
        await send(port, `/p${target}`)
        expect(seen.map(({ url }) => url)).toEqual([target])
      }),
      { seed: 20_240_607, numRuns: 60 },
    )
  })
})

describe('Host', () => {
  it.each([
    ['instance', (address: string) => address],
    ['service', () => 'service'],
    ['client', () => 'gw.test'],
  ] as const)('is that of the %s', async (hostHeader, expected) => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { proxy: { hostHeader } })
    await send(port, '/')
    expect(seen[0]?.headers.host).toBe(expected(address))
  })

  it('in a request of absolute form is that of the target, whatever the field says', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { proxy: { hostHeader: 'client' } })
    await send(port, 'http://target.test:8080/a')
    expect(seen[0]?.headers).toMatchObject({ host: 'target.test:8080', 'x-forwarded-host': 'target.test:8080' })
    expect(seen[0]?.headers.forwarded).toContain('host="target.test:8080"')
  })
})

describe('Location and cookies', () => {
  const redirect = async (location: string, framework: Framework = 'express 5'): Promise<string | null> => {
    const instance = await startInstance((request, response) => {
      const own = `http://${request.headers.host}`
      response.writeHead(302, { location: location.replace('OWN', own) }).end()
    })
    const mounted = framework.startsWith('bare') ? {} : { mount: '/users' }
    const { url } = await startGateway([instance], {
      framework,
      ...mounted,
      proxy: { targetPrefix: '/v1', ...(framework.startsWith('bare') ? { prefix: '/users' } : {}) },
    })
    const response = await fetch(`${url}/users/a`, { redirect: 'manual' })
    return response.headers.get('location')
  }

  it.each([
    ['OWN/v1/b?c#d', '/users/b?c#d'],
    ['/v1/b', '/users/b'],
    ['/v1', '/users/'],
    ['/elsewhere', '/elsewhere'],
    ['b', 'b'],
    ['//other.test/v1/b', '//other.test/v1/b'],
    ['https://other.test/v1/b', 'https://other.test/v1/b'],
  ])('%s is %s for the client', async (sent, expected) => {
    expect(await redirect(sent)).toBe(expected)
    expect(await redirect(sent, 'bare node:http')).toBe(expected)
  })

  it('a path of the instance’s own never becomes another host', async () => {
    const instance = await startInstance((request, response) => {
      response.writeHead(302, { location: `http://${request.headers.host}//evil.test/` }).end()
    })
    const { url } = await startGateway([instance])
    const location = (await fetch(url, { redirect: 'manual' })).headers.get('location') ?? ''
    expect(new URL(location, 'http://gw.test/').host).toBe('gw.test')
  })

  it('stays as it is when rewriteLocation is false', async () => {
    const instance = await startInstance((_request, response) => response.writeHead(302, { location: '/v1/b' }).end())
    const { url } = await startGateway([instance], {
      proxy: { prefix: '/a', targetPrefix: '/v1', rewriteLocation: false },
    })
    expect((await fetch(`${url}/a/`, { redirect: 'manual' })).headers.get('location')).toBe('/v1/b')
  })

  it.each([
    [{}, 'id=1; Domain=internal.test; Path=/v1/x; HttpOnly'],
    [{ cookieDomain: 'gw.test' }, 'id=1; Domain=gw.test; Path=/v1/x; HttpOnly'],
    [{ cookieDomain: false }, 'id=1; Path=/v1/x; HttpOnly'],
    [{ rewriteCookiePath: true }, 'id=1; Domain=internal.test; Path=/users/x; HttpOnly'],
  ] as const)('cookies with %o', async (options, expected) => {
    const cookies = ['id=1; Domain=internal.test; Path=/v1/x; HttpOnly', 'other=2']
    const instance = await startInstance((_request, response) =>
      response.writeHead(200, { 'set-cookie': cookies }).end(),
    )
    const { url } = await startGateway([instance], { proxy: { prefix: '/users', targetPrefix: '/v1', ...options } })
    expect((await fetch(`${url}/users/a`)).headers.getSetCookie()).toEqual([expected, 'other=2'])
  })
})
