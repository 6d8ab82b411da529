import { parseInstance } from '@lb/core'
import { interceptors } from 'undici'
import { describe, expect, it } from 'vitest'
import { createFetch, loadBalanceInterceptor } from '../src/index.ts'
import { withoutInstance } from '../src/own-location.ts'
import { Fixture } from './fixture.ts'

const headers = { authorization: 'Bearer t', cookie: 'sid=1' }

describe('a redirect of an instance', () => {
  it.each([
    ['to its own address', (host: string) => `http://${host}/docs/`],
    ['to its own address, without a scheme', (host: string) => `//${host}/docs/`],
    ['to a path', () => '/docs/'],
    ['to the service', () => 'http://user-service/docs/'],
  ])('%s stays with the service, and credentials go along', async (_what, location) => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    for (const backend of fixture.backends) {
      backend.script = ({ url, headers: { host = '' } }) =>
        url === '/docs' ? { status: 301, headers: { location: location(host) } } : {}
    }
    const response = await fetch('http://user-service/docs', { headers })
    expect(response.url).toBe('http://user-service/docs/')
    expect(await response.json()).toMatchObject({ url: '/docs/', headers })
    const following = fixture.agent.compose(
      loadBalanceInterceptor(fixture.lb),
      interceptors.redirect({ maxRedirections: 3 }),
    )
    const { body } = await following.request({ origin: 'http://user-service', path: '/docs', method: 'GET', headers })
    expect(await body.json()).toMatchObject({ url: '/docs/', headers })
    await fixture.allDone(4)
    // Each step goes to the next one.
    expect(fixture.backends.map(({ requests }) => requests.length)).toEqual([2, 2])
  })

  it('to another host takes no credentials along', async () => {
    await using other = await Fixture.start({ backends: 1 })
    await using fixture = await Fixture.start({ backends: 1 })
    await using fetch = createFetch(fixture.lb)
    fixture.backend.script = { status: 302, headers: { location: `${other.backend.url}/x` } }
    const { headers: seen } = (await (await fetch('http://user-service/', { headers })).json()) as { headers: object }
    expect(seen).not.toHaveProperty('authorization')
    expect(seen).not.toHaveProperty('cookie')
  })
})

describe('withoutInstance', () => {
  const instance = parseInstance('10.0.0.1:8080')
  const secureInstance = parseInstance({ host: '10.0.0.1', port: 443, secure: true })
  const plain = { instance, secure: false, host: undefined }

  it.each([
    ['http://10.0.0.1:8080/docs/?x=1#top', plain, '/docs/?x=1#top'],
    ['HTTP://10.0.0.1:8080', plain, '/'],
    [' http://10.0.0.1:8080?x ', plain, '/?x'],
    ['http://10.0.0.1:8080//evil.test/', plain, '/.//evil.test/'],
    ['http://user-service/docs/', { ...plain, host: 'user-service' }, '/docs/'],
    ['http://user-service:80/docs/', { ...plain, host: 'User-Service' }, '/docs/'],
    ['https://10.0.0.1/docs/', { instance: secureInstance, secure: false, host: undefined }, '/docs/'],
    ['https://10.0.0.1:443/docs/', { instance: secureInstance, secure: true, host: undefined }, '/docs/'],
    ['http://[::1]:8080/', { ...plain, instance: parseInstance('[::1]:8080') }, '/'],
  ])('makes %s relative', (location, seen, expected) => {
    expect(withoutInstance(location, seen)).toBe(expected)
  })

  it.each([
    ['another port', 'http://10.0.0.1:8081/docs/', plain],
    ['another host', 'http://10.0.0.10:8080/docs/', plain],
    ['a path', '/docs/', plain],
    ['a user in front of the host', 'http://10.0.0.1:8080@evil.test/', plain],
    ['a host that a URL parser reads in another way', 'http://10.0.0.1:8080\\@evil.test/', plain],
    ['the way to https', 'https://10.0.0.1:8080/', plain],
    ['the way to http', 'http://10.0.0.1:8080/', { ...plain, secure: true }],
    ['the way to http, of an instance that has TLS', 'http://10.0.0.1:443/', { ...plain, instance: secureInstance }],
  ])('leaves %s alone', (_what, location, seen) => {
    expect(withoutInstance(location, seen)).toBeUndefined()
  })
})
