import { Readable } from 'node:stream'
import { LoadBalancer, type LoadBalancerEvent, StaticDiscovery } from '@lb/core'
import { type BackendBehaviour, type BackendRequest, LoopbackBackend } from '@lb/testing'
import axios, { type AxiosInstance, type AxiosRequestConfig } from 'axios'
import * as undici from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadBalance } from '../src/index.ts'

let users: [LoopbackBackend, LoopbackBackend]
let orders: [LoopbackBackend, LoopbackBackend]
let lb: LoadBalancer
let client: AxiosInstance
let finished: (LoadBalancerEvent & { type: 'request-finished' })[]

beforeEach(async () => {
  users = [await LoopbackBackend.start({ id: 'users-0' }), await LoopbackBackend.start({ id: 'users-1' })]
  orders = [await LoopbackBackend.start({ id: 'orders-0' }), await LoopbackBackend.start({ id: 'orders-1' })]
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({
      'user-service': users.map(({ address }) => address),
      'order-service': orders.map(({ address }) => address),
    }),
    retry: { backoffBaseMs: 1 },
    random: () => 0,
  })
  finished = []
  lb.subscribe((event) => {
    if (event.type === 'request-finished') finished.push(event)
  })
  client = loadBalance(axios.create(), lb)
})

afterEach(async () => {
  await lb.close()
  await Promise.all([...users, ...orders].map((backend) => backend.stop()))
})

/** `/STATUS?to=URL` leads to URL, on every instance of `user-service`; anything else is told back. */
function redirect({ url }: BackendRequest): BackendBehaviour {
  const { pathname, searchParams } = new URL(url, 'http://any')
  const location = searchParams.get('to')
  return location === null ? {} : { status: Number(pathname.slice(1)), headers: { location }, body: '' }
}

function redirectAll(): void {
  for (const backend of [...users, ...orders]) backend.script = redirect
}

function to(location: string, status = 302): string {
  return `http://user-service/${status}?to=${encodeURIComponent(location)}`
}

const seenBy = (backends: readonly LoopbackBackend[]): number[] => backends.map(({ requests }) => requests.length)

const secrets = { Authorization: 'Bearer secret', Cookie: 'session=secret' }
const credentials: AxiosRequestConfig = { headers: secrets }

describe('a redirect to a service', () => {
  beforeEach(redirectAll)

  it('is balanced over the instances of another service', async () => {
    for (let number = 0; number < 4; number++) await client.get(to('http://order-service/x'))
    expect(seenBy(orders)).toEqual([2, 2])
    expect(finished.map(({ service, outcome }) => [service, outcome.statusCode])).toEqual(
      Array.from({ length: 4 }, () => [
        ['user-service', 302],
        ['order-service', 200],
      ]).flat(),
    )
    expect(lb.inspect().map(({ inFlight }) => inFlight)).toEqual([0, 0])
  })

  it('is balanced over the instances of the same service', async () => {
    const { data } = await client.get(to('http://user-service/x?y=%2f'))
    expect(data).toMatchObject({ url: '/x?y=%2f' })
    expect(seenBy(users)).toEqual([1, 1])
  })

  it('is one when the instance calls itself by the name it was called by, also when that is no name of a service', async () => {
    for (const backend of users) {
      backend.script = ({ url, headers }) =>
        url === '/docs' ? { status: 301, headers: { location: `http://${headers.host}/docs/` }, body: '' } : {}
    }
    const named = loadBalance(axios.create(), lb, { hostHeader: 'service', serviceOf: () => 'user-service' })
    for (const host of ['api.example', 'api.example:8080']) {
      const headers = { ...secrets, Host: host }
      const { data } = await named.get('http://any.example/docs', { headers })
      expect(data).toMatchObject({
        url: '/docs/',
        headers: { authorization: 'Bearer secret', cookie: 'session=secret' },
      })
    }
    expect(seenBy(users)).toEqual([2, 2])
  })

  it('is followed when it says lb:', async () => {
    const { data } = await client.get(to('lb://order-service/x'))
    expect(data).toMatchObject({ url: '/x', headers: { host: orders[0].address } })
  })

  it('is counted in flight on the target alone while that works', async () => {
    orders[0].script = { fault: 'black-hole' }
    const controller = new AbortController()
    const sent = client.get(to('http://order-service/x'), { signal: controller.signal })
    await expect.poll(() => orders[0].requests.length, { interval: 2 }).toBe(1)
    expect(lb.inspect('user-service').inFlight).toBe(0)
    expect(lb.inspect('order-service').inFlight).toBe(1)
    controller.abort()
    await expect(sent).rejects.toThrow('canceled')
    await expect.poll(() => lb.inspect('order-service').inFlight, { interval: 2 }).toBe(0)
  })

  it('moves on when the first instance of the target refuses connections', async () => {
    await orders[0].stop()
    const { data } = await client.post(to('http://order-service/x', 307), { a: 1 })
    expect(data).toMatchObject({ id: 'orders-1', method: 'POST', body: '{"a":1}' })
    expect(finished.map(({ service, outcome }) => [service, outcome.ok])).toEqual([
      ['user-service', true],
      ['order-service', false],
      ['order-service', true],
    ])
  })

  it('gives an error that names the target and the URL as it was written', async () => {
    await Promise.all(orders.map((backend) => backend.stop()))
    const url = to('http://order-service/x')
    await expect(client.get(url)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      config: { url },
      loadBalancer: { service: 'order-service', attempts: [{}, {}, {}] },
    })
  })

  it('gives a response that is about the request as it was written', async () => {
    const url = to('http://order-service/x')
    const { config } = await client.get(url, { params: { page: 1 } })
    expect(config).toMatchObject({ url, params: { page: 1 } })
    expect(orders[0].requests[0]?.url).toBe('/x')
  })

  it('is within the time limit of the whole', async () => {
    users[0].script = { ...redirect({ url: '/302?to=http://order-service/x' } as BackendRequest), latencyMs: 80 }
    orders[0].script = { latencyMs: 80 }
    await expect(client.get('http://user-service/', { timeout: 120 })).rejects.toMatchObject({
      code: 'ECONNABORTED',
      message: 'timeout of 120ms exceeded',
    })
  })
})

describe('a redirect to an address', () => {
  beforeEach(redirectAll)

  it('that is relative stays with the instance', async () => {
    const { data } = await client.get(to('/relative'))
    expect(data).toMatchObject({ id: 'users-0', url: '/relative' })
    expect(seenBy(users)).toEqual([2, 0])
    expect(finished).toHaveLength(1)
  })

  it('is followed there, without the credentials', async () => {
    const { data } = await client.get(to(`${orders[1].url}/x`), credentials)
    expect(data.id).toBe('orders-1')
    expect(data.headers).not.toHaveProperty('authorization')
    expect(finished).toHaveLength(1)
  })

  it.each([
    ['auth', '', { auth: { username: 'ann', password: 'secret' } }],
    ['the URL', 'ann:secret@', {}],
    ['Proxy-Authorization', '', { headers: { 'Proxy-Authorization': 'Basic secret' } }],
    ['sensitiveHeaders', '', { headers: { 'X-Api-Key': 'secret' }, sensitiveHeaders: ['x-api-key'] }],
  ])('is followed there without those of %s, over any transport', async (_name, userInfo, config) => {
    const from = to(`${orders[1].url}/x`).replace('//', `//${userInfo}`)
    for (const options of [{}, { undici }, { hostHeader: 'service' as const }]) {
      const { data } = await loadBalance(axios.create(), lb, options).get(from, config)
      expect(data.url).toBe('/x')
      expect(JSON.stringify(data.headers)).not.toMatch(/secret|Basic/)
    }
  })

  it('does not bring credentials back when it leads on to the service', async () => {
    const around = `${orders[0].url}/302?to=${encodeURIComponent('http://user-service/x')}`
    const { data } = await client.get(to(around), { ...credentials, auth: { username: 'ann', password: 'secret' } })
    expect(data.url).toBe('/x')
    expect(JSON.stringify(data.headers)).not.toMatch(/secret|Basic/)
  })
})

describe('credentials', () => {
  beforeEach(redirectAll)

  it('of the headers go on to the same service', async () => {
    const { data } = await client.get(to('http://user-service/x'), credentials)
    expect(data.headers).toMatchObject({ authorization: 'Bearer secret', cookie: 'session=secret' })
  })

  it('of the headers do not go to another service', async () => {
    const { data } = await client.get(to('http://order-service/x'), credentials)
    expect(JSON.stringify(data.headers)).not.toContain('secret')
  })

  it('do not come back when another service leads to the first', async () => {
    const around = `http://order-service/302?to=${encodeURIComponent('http://user-service/x')}`
    const { data } = await client.get(to(around), { ...credentials, auth: { username: 'ann', password: 'secret' } })
    expect(data.url).toBe('/x')
    expect(JSON.stringify(data.headers)).not.toMatch(/secret|Basic/)
  })

  it.each([
    ['auth', {}, { auth: { username: 'ann', password: 'secret' } }],
    ['the URL', { userInfo: 'ann:secret@' }, {}],
  ])(
    'of %s go on to the same service, and to no other',
    async (_name, { userInfo = '' }: { userInfo?: string }, config) => {
      const from = (location: string): string => to(location).replace('//', `//${userInfo}`)
      const same = await client.get(from('http://user-service/x'), config)
      expect(same.data.headers.authorization).toBe(`Basic ${btoa('ann:secret')}`)
      const other = await client.get(from('http://order-service/x'), config)
      expect(other.data.headers).not.toHaveProperty('authorization')
    },
  )

  it('of sensitiveHeaders go on to the same service, and to no other', async () => {
    const config = { headers: { 'X-Api-Key': 'secret' }, sensitiveHeaders: ['X-Api-Key'] }
    const same = await client.get(to('http://user-service/x'), config)
    expect(same.data.headers).toMatchObject({ 'x-api-key': 'secret' })
    const other = await client.get(to('http://order-service/x'), config)
    expect(other.data.headers).not.toHaveProperty('x-api-key')
  })

  it('that beforeRedirect gives are used', async () => {
    const { data } = await client.get(to('http://order-service/x'), {
      beforeRedirect: (options) => {
        options.auth = 'bob:for:orders'
      },
    })
    expect(data.headers.authorization).toBe(`Basic ${btoa('bob:for:orders')}`)
  })
})

describe('the method and the body of a redirected request', () => {
  beforeEach(redirectAll)

  it.each([
    [301, 'post', 'GET', ''],
    [302, 'post', 'GET', ''],
    [303, 'post', 'GET', ''],
    [303, 'put', 'GET', ''],
    [302, 'put', 'PUT', 'body'],
    [307, 'post', 'POST', 'body'],
    [308, 'patch', 'PATCH', 'body'],
  ])('after a %d of a %s: %s %s', async (status, method, expectedMethod, body) => {
    const { data } = await client.request({ method, url: to('http://order-service/x', status), data: 'body' })
    expect(data).toMatchObject({ method: expectedMethod, body })
    expect(Object.keys(data.headers).filter((name) => name.startsWith('content-'))).toHaveLength(body === '' ? 0 : 2)
  })

  it('are kept for a FormData', async () => {
    const form = new FormData()
    form.append('name', 'Ann')
    const { data } = await client.post(to('http://order-service/x', 307), form)
    expect(data.body).toContain('Ann')
    expect(data.headers['content-length']).toBe(String(data.body.length))
  })

  it('are kept for a stream, which goes on to one instance of the target', async () => {
    const { data } = await client.post(to('http://order-service/x', 307), Readable.from(['one ', 'two']), credentials)
    expect(data).toMatchObject({ method: 'POST', url: '/x', body: 'one two' })
    expect(seenBy(orders)).toEqual([1, 0])
    expect(JSON.stringify(data.headers)).not.toContain('secret')
  })

  it('are kept for a stream to the same service, with its credentials', async () => {
    const config = { ...credentials, headers: { 'X-Trace': '7', Cookie: 'session=secret' } }
    const auth = { username: 'ann', password: 'secret' }
    const { data } = await client.put(to('http://user-service/x', 308), Readable.from(['x']), { ...config, auth })
    expect(data.headers).toMatchObject({ 'x-trace': '7', cookie: 'session=secret' })
    expect(data.headers.authorization).toBe(`Basic ${btoa('ann:secret')}`)
  })
})

describe('the number of redirects', () => {
  const location = 'http://user-service/x'

  function loop(): void {
    for (const backend of users) backend.script = { status: 302, headers: { location }, body: '' }
  }

  it.each([1, 5])('is limited to maxRedirects %d over the whole chain', async (maxRedirects) => {
    loop()
    await expect(client.get(location, { maxRedirects })).rejects.toMatchObject({
      code: 'ERR_FR_TOO_MANY_REDIRECTS',
      message: 'Maximum number of redirects exceeded',
      config: { url: location, maxRedirects },
    })
    expect(seenBy(users).reduce((sum, count) => sum + count)).toBe(maxRedirects + 1)
  })

  it('is limited to 21 when nothing is said', async () => {
    loop()
    await expect(client.get(location)).rejects.toMatchObject({ code: 'ERR_FR_TOO_MANY_REDIRECTS' })
    expect(seenBy(users).reduce((sum, count) => sum + count)).toBe(22)
  })

  it('is 0 with maxRedirects 0', async () => {
    loop()
    const { status, headers } = await client.get(location, { maxRedirects: 0, validateStatus: null })
    expect([status, headers.location]).toEqual([302, location])
  })

  it('counts those within an instance too, and begins anew with each attempt', async () => {
    // Two within the instance, then one to the other service.
    const script = ({ url }: BackendRequest): BackendBehaviour => {
      const locations: Record<string, string> = { '/0': '/1', '/1': '/2', '/2': 'http://order-service/x' }
      const next = locations[url]
      return next === undefined ? {} : { status: 302, headers: { location: next }, body: '' }
    }
    users[0].script = (request) => (request.url === '/2' ? { fault: 'reset' } : script(request))
    users[1].script = script
    expect((await client.get('http://user-service/0', { maxRedirects: 3 })).data.id).toBe('orders-0')
    await expect(client.get('http://user-service/0', { maxRedirects: 2 })).rejects.toMatchObject({
      code: 'ERR_FR_TOO_MANY_REDIRECTS',
    })
  })

  it('calls beforeRedirect once for each that is followed', async () => {
    loop()
    let called = 0
    const beforeRedirect = (): void => {
      called++
    }
    await expect(client.get(location, { maxRedirects: 3, beforeRedirect })).rejects.toThrow()
    expect(called).toBe(3)
  })
})
