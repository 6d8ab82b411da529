import { LoadBalancer, type LoadBalancerOptions, StaticDiscovery } from '@lb/core'
import { parseServiceUrl, type ServiceUrl } from '@lb/core/authoring'
import { AxiosHeaders, type InternalAxiosRequestConfig } from 'axios'
import { afterEach, describe, expect, it } from 'vitest'
import { type RedirectedRequest, RedirectFollower } from './redirect.ts'

const opened: LoadBalancer[] = []

afterEach(() => Promise.all(opened.splice(0).map((lb) => lb.close())))

interface Redirect {
  readonly from: string
  readonly to: string
  /** `Host` as it was sent. */
  readonly host?: string
  readonly services?: LoadBalancerOptions['services']
}

/** The request that follows a redirect, as the transport tells of it; `undefined` when it stays with the transport. */
function followed({ from, to, host, services = {} }: Redirect): RedirectedRequest | undefined {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: ['127.0.0.1:3000'] }), services })
  opened.push(lb)
  const rules = { lb }
  const config = {
    method: 'get',
    auth: { username: 'u', password: 'p' },
    sensitiveHeaders: ['x-key'],
    headers: new AxiosHeaders({ Authorization: 'Bearer s', Cookie: 'sid=s', 'X-Key': 's' }),
  } as InternalAxiosRequestConfig
  const url = parseServiceUrl(from, rules) as ServiceUrl
  const scheme = url.scheme === 'https' ? 'https' : 'http'
  const headers = new AxiosHeaders(host === undefined ? {} : { Host: host })
  const attempted = { config, url, instanceUrl: `${scheme}://127.0.0.1:3000/start`, headers, added: [] }
  let next: RedirectedRequest | undefined
  const hook = new RedirectFollower(lb, rules, 0).hook(attempted, (taken) => {
    next = taken
  })
  const { protocol, hostname, port, pathname } = new URL(to)
  // The transport has taken the credentials away.
  const options = { protocol, hostname, port, path: pathname, method: 'GET', headers: { 'x-other': '1' } }
  try {
    hook(options, { headers: {}, statusCode: 302 as never }, { headers: {}, url: from, method: 'GET' })
  } catch {
    // It was taken over.
  }
  return next
}

describe('credentials', () => {
  it.each([
    ['http://users/', 'http://users/next'],
    ['https://users/', 'https://users/next'],
    ['http://users/', 'https://users/next'],
    ['lb://users/', 'http://users/next'],
    ['http://u:p@users/', 'http://users/next'],
  ])('go on from %s to %s', (from, to) => {
    const { config, url } = followed({ from, to }) as RedirectedRequest
    expect(url.userInfo).toBe(from.includes('@') ? 'u:p@' : '')
    expect(config.auth).toEqual({ username: 'u', password: 'p' })
    expect({ ...config.headers.toJSON() }).toMatchObject({ authorization: 'Bearer s', cookie: 'sid=s', 'x-key': 's' })
  })

  it.each([
    ['https://users/', 'http://users/next'],
    ['https://u:p@users/', 'http://users/next'],
    ['https://users/', 'http://Users/next'],
  ])('do not go on from %s to %s, in the clear', (from, to) => {
    const { config, url } = followed({ from, to }) as RedirectedRequest
    expect(config.auth).toBeUndefined()
    expect(url.userInfo).toBe('')
    expect({ ...config.headers.toJSON() }).toEqual({ 'x-other': '1' })
  })
})

describe('a redirect of the instance to itself by the name it was called by', () => {
  it.each([
    ['orders.v2', 'http://orders.v2/docs/'],
    ['orders.v2:80', 'http://orders.v2/docs/'],
    ['Orders.V2:8080', 'http://orders.v2:8080/docs/'],
  ])('Host %s is to the service: %s', (host, to) => {
    const { config, url } = followed({ from: 'lb://users/', to, host }) as RedirectedRequest
    expect(url).toMatchObject({ service: 'users', rest: '/docs/' })
    expect(config.headers.get('Authorization')).toBe('Bearer s')
  })

  it.each([
    ['orders.v2', 'http://other.v2/docs/'],
    ['orders.v2', 'http://orders.v2:81/docs/'],
    [' ', 'http://orders.v2/docs/'],
  ])('Host %j is none: %s', (host, to) => {
    expect(followed({ from: 'lb://users/', to, host })).toBeUndefined()
  })
})
