import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios, { type AxiosAdapter, type AxiosRequestConfig, type InternalAxiosRequestConfig } from 'axios'
import { afterEach, describe, expect, it } from 'vitest'
import { type LoadBalancedAdapterOptions, loadBalance } from '../src/index.ts'

let lb: LoadBalancer

afterEach(() => lb.close())

const instances = ['10.0.0.1:8080']

/** What the underlying adapter gets, and what lb's adapter was given. */
async function send(
  config: AxiosRequestConfig,
  { instance = '10.0.0.1:8080', ...options }: LoadBalancedAdapterOptions & { instance?: string } = {},
): Promise<{ got: InternalAxiosRequestConfig; given: InternalAxiosRequestConfig }> {
  const seen: InternalAxiosRequestConfig[] = []
  const spy: AxiosAdapter = async (request) => {
    seen.push(request)
    return { status: 200, statusText: 'OK', headers: {}, data: '', config: request }
  }
  const service = [instance]
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({
      'user-service': service,
      user_service2: service,
      'billing.internal': service,
      Configured: service,
      'by-rule': service,
    }),
    services: {
      'billing.internal': {},
      Configured: {},
      localhost: { discovery: new StaticDiscovery({ localhost: instances }) },
    },
  })
  const client = loadBalance(axios.create(), lb, { ...options, adapter: spy })
  const balanced = client.defaults.adapter as AxiosAdapter
  client.defaults.adapter = (request) => {
    seen.push(request)
    return balanced(request)
  }
  await client.request(config)
  const [given, got] = seen as [InternalAxiosRequestConfig, InternalAxiosRequestConfig]
  return { given, got }
}

describe('a request that is not for a service', () => {
  it.each([
    'http://127.0.0.1/x',
    'http://127.0.0.1:8080/x',
    'http://2130706433/x',
    'http://0x7f000001/x',
    'http://[::1]/x',
    'http://[::1]:8080/x',
    'http://example.com/x',
    'https://api.example.com:8443/x',
    'http://user-service.svc.cluster.local/x',
    'http://user-service:8080/x',
    'http://user-service:80/x',
    'http://ann:secret@example.com/x',
    'http://example.com/http://user-service/',
    'http://example.com@evil.example/',
    'ftp://user-service/x',
    'data:text/plain,x',
    '//user-service/x',
    '/user-service/x',
    'user-service/x',
    'http:/user-service/x',
    'http:///user-service/x',
    'http://user-service\\@example.com/x',
    'http://user service/x',
    '',
  ])('passes the very same config on for %s', async (url) => {
    const { given, got } = await send({ url })
    expect(got).toBe(given)
  })

  it('passes localhost on', async () => {
    const options = { serviceOf: () => undefined }
    const { given, got } = await send({ url: 'http://localhost/x' }, options)
    expect(got).toBe(given)
  })

  it('passes a request for a socket on, whatever its host', async () => {
    const { given, got } = await send({ url: 'http://user-service/x', socketPath: '/run/app.sock' })
    expect(got).toBe(given)
  })

  it('passes a single label on that serviceOf does not know', async () => {
    const { given, got } = await send({ url: 'http://user-service/x' }, { serviceOf: () => undefined })
    expect(got).toBe(given)
  })

  it('passes a configured name on that serviceOf does not know', async () => {
    const { given, got } = await send({ url: 'http://billing.internal/x' }, { serviceOf: () => undefined })
    expect(got).toBe(given)
  })
})

describe('a request that is for a service', () => {
  it.each([
    ['a single label', { url: 'http://user-service/x' }],
    ['a single label with an underscore', { url: 'http://user_service2/x' }],
    ['a scheme in upper case', { url: 'HTTP://user-service/x' }],
    ['the lb: scheme', { url: 'lb://user-service/x' }],
    ['the lb: scheme with a port', { url: 'lb://user-service:8080/x' }],
    ['the lb: scheme with a dotted host', { url: 'lb://billing.internal/x' }],
    ['a configured name', { url: 'http://billing.internal/x' }],
    ['a configured name with a port', { url: 'http://billing.internal:9999/x' }],
    ['a configured name in another case', { url: 'http://Billing.INTERNAL/x' }],
    ['a configured name in upper case', { url: 'http://Configured/x' }],
    ['localhost, when it is configured', { url: 'http://localhost/x' }],
    ['a base URL', { baseURL: 'http://user-service/', url: 'x' }],
    ['a base URL that wins', { baseURL: 'http://user-service', url: '/x', allowAbsoluteUrls: false }],
  ])('goes to an instance: %s', async (_name, config) => {
    const { given, got } = await send(config)
    expect(got.url).toBe('http://10.0.0.1:8080/x')
    expect(got.baseURL).toBeUndefined()
    expect(given).toMatchObject(config)
  })

  it('goes where serviceOf says', async () => {
    const serviceOf = (url: URL): string | undefined => (url.port === '1234' ? 'by-rule' : undefined)
    const { got } = await send({ url: 'http://example.com:1234/x' }, { serviceOf })
    expect(got.url).toBe('http://10.0.0.1:8080/x')
  })

  it.each(['lb://rule/x', 'lb:rule/x', 'lb:///rule/x', 'LB:/rule/x'])(
    'goes where serviceOf says of %s',
    async (url) => {
      const serviceOf = ({ hostname }: URL): string | undefined => (hostname === 'rule' ? 'by-rule' : undefined)
      expect((await send({ url }, { serviceOf })).got.url).toBe('http://10.0.0.1:8080/x')
    },
  )

  it.each([
    ['/a//b/../c?x=%2f&y#z', '/a//b/../c?x=%2f&y#z'],
    ['?x=1', '?x=1'],
    ['#z', '#z'],
    ['', ''],
    ['/%zz/"quoted"/ü?<>', '/%zz/"quoted"/ü?<>'],
    ['/http://user-service/@:80', '/http://user-service/@:80'],
  ])('keeps the rest of the URL byte for byte: %s', async (written, expected) => {
    const { got } = await send({ url: `http://user-service${written}` })
    expect(got.url).toBe(`http://10.0.0.1:8080${expected}`)
  })

  it('keeps user and password of the URL', async () => {
    const { got } = await send({ url: 'http://ann:p%40ss@user-service/x' })
    expect(got.url).toBe('http://ann:p%40ss@10.0.0.1:8080/x')
  })

  it.each([
    ['http://user-service/x', '[2001:db8::1]:80', 'http://[2001:db8::1]:80/x'],
    ['http://user-service/x', 'https://node-a.internal:8443', 'https://node-a.internal:8443/x'],
    ['lb://user-service/x', 'https://node-a.internal:8443', 'https://node-a.internal:8443/x'],
    ['https://user-service/x', '10.0.0.1:8443', 'https://10.0.0.1:8443/x'],
    ['HTTPS://user-service/x', '10.0.0.1:8443', 'https://10.0.0.1:8443/x'],
    ['lb://user-service/x', '10.0.0.1:80', 'http://10.0.0.1:80/x'],
  ])('turns %s with instance %s into %s', async (url, instance, expected) => {
    expect((await send({ url }, { instance })).got.url).toBe(expected)
  })

  it('has the name of the service as Host when that is asked for, unless the caller gives one', async () => {
    const url = 'http://user-service/x'
    expect((await send({ url })).got.headers.get('host')).toBeUndefined()
    await lb.close()
    expect((await send({ url }, { hostHeader: 'service' })).got.headers.get('host')).toBe('user-service')
    await lb.close()
    const headers = { Host: 'front.example' }
    expect((await send({ url, headers }, { hostHeader: 'service' })).got.headers.get('host')).toBe('front.example')
  })

  it('leaves the config of the caller as it was', async () => {
    const config = Object.freeze({
      url: 'http://user-service/x',
      method: 'post',
      headers: Object.freeze({ 'X-Trace': '7' }),
      data: Object.freeze({ a: Object.freeze([1]) }),
      params: Object.freeze({ b: 2 }),
      auth: Object.freeze({ username: 'ann', password: 'secret' }),
      timeout: 1_000,
    })
    const { given, got } = await send(config)
    expect(given).toMatchObject({ url: 'http://user-service/x', timeout: 1_000, method: 'post' })
    expect(given).not.toHaveProperty('httpAgent')
    expect(given).not.toHaveProperty('beforeRedirect')
    expect(got).not.toBe(given)
    expect(got.headers).not.toBe(given.headers)
  })
})
