import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import axios, { type AxiosAdapter, type AxiosRequestConfig } from 'axios'
import { afterAll, beforeAll } from 'vitest'
import { describeParity, json, type Respond, type Scenario } from './parity.ts'

/** A forward proxy that tells in a header that it was used, and what it was told. */
let proxy: Server
let proxyPort: number

beforeAll(async () => {
  proxy = createServer((incoming, response) => {
    const headers = { ...incoming.headers, 'x-proxied': String(incoming.headers['proxy-authorization'] ?? 'yes') }
    delete headers['proxy-authorization']
    const { url = '', method } = incoming
    const forwarded = request(url, { method, headers }, (answer: IncomingMessage) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    forwarded.on('error', () => response.destroy())
    incoming.pipe(forwarded)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  proxyPort = (proxy.address() as AddressInfo).port
})

afterAll(() => {
  proxy.closeAllConnections()
  proxy.close()
})

function through(config: AxiosRequestConfig = {}): AxiosRequestConfig {
  return { proxy: { protocol: 'http', host: '127.0.0.1', port: proxyPort }, ...config }
}

const redirectOnce: Respond = ({ url, headers }, response) => {
  if (url === '/first') response.writeHead(302, { location: '/second' }).end()
  else json(response, { url, proxied: headers['x-proxied'] })
}

describeParity('a proxy', {
  'carries the request': {
    run: ({ client, origin }) => client.post(`${origin}/x`, 'body', through()),
    expected: { requests: [{ url: '/x', body: 'body', headers: { 'x-proxied': 'yes', host: 'SERVICE' } }] },
  },
  'gets its credentials': {
    run: ({ client, origin }) => {
      const auth = { username: 'ann', password: 'secret' }
      return client.get(origin, { proxy: { protocol: 'http', host: '127.0.0.1', port: proxyPort, auth } })
    },
    expected: { requests: [{ headers: { 'x-proxied': `Basic ${btoa('ann:secret')}` } }] },
  },
  'carries redirects too': {
    respond: redirectOnce,
    run: ({ client, origin }) => client.get(`${origin}/first`, through()),
    expected: { outcome: { data: { url: '/second', proxied: 'yes' } } },
  },
  'is not used with proxy: false': {
    run: ({ client, origin }) => {
      Object.assign(client.defaults, through())
      return client.get(origin, { proxy: false })
    },
    expected: { requests: [{ headers: { host: 'SERVICE' } }] },
  },
})

class CountingAgent extends Agent {
  used = 0

  override createConnection(...args: Parameters<Agent['createConnection']>): ReturnType<Agent['createConnection']> {
    this.used++
    return super.createConnection(...args)
  }
}

function withAgent(config: AxiosRequestConfig, redirected = false): Scenario['run'] {
  return async ({ client, origin, notes }) => {
    const httpAgent = new CountingAgent()
    const response = await client.get(redirected ? `${origin}/first` : origin, { ...config, httpAgent })
    notes.push(httpAgent.used)
    httpAgent.destroy()
    return response
  }
}

describeParity('an option of the transport', {
  'httpAgent is used': {
    run: withAgent({}),
    expected: { notes: [1], requests: [{ headers: { connection: 'close' } }] },
  },
  'httpAgent is used without redirects': { run: withAgent({ maxRedirects: 0 }), expected: { notes: [1] } },
  'httpAgent is used for redirects': {
    respond: redirectOnce,
    run: withAgent({}, true),
    expected: { notes: [2] },
  },
  'httpAgent of the client is used': {
    run: async ({ client, origin, notes }) => {
      const httpAgent = new CountingAgent({ keepAlive: true })
      client.defaults.httpAgent = httpAgent
      const response = await client.get(origin)
      notes.push(httpAgent.used)
      httpAgent.destroy()
      return response
    },
    expected: { notes: [1], requests: [{ headers: { connection: 'keep-alive' } }] },
  },
  'transport is used': {
    run: ({ client, origin, notes }) =>
      client.get(`${origin}/x`, {
        transport: {
          request: (...args: Parameters<typeof request>) => {
            const [options] = args as unknown as [{ hostname: string; path: string }]
            notes.push(options.hostname, options.path)
            return request(...args)
          },
        },
      }),
    expected: { notes: ['127.0.0.1', '/x'] },
  },
  'socketPath is used, whatever the host says': {
    run: ({ client, origin }) => client.get(`${origin}/x`, { socketPath: '/nowhere/lb-test.sock' }),
    expected: { outcome: { code: 'ENOENT', message: 'connect ENOENT /nowhere/lb-test.sock' }, requests: [] },
  },
})

describeParity('an instance that is a name', {
  'is looked up as the caller says': {
    host: 'node-a.internal',
    run: ({ client, origin, notes }) =>
      client.get(origin, {
        lookup: async (hostname: string) => {
          notes.push(hostname)
          return '127.0.0.1'
        },
      }),
    expected: { notes: ['node-a.internal'], requests: [{ headers: { host: 'SERVICE' } }] },
  },
  'fails with the error of the lookup': {
    host: 'node-a.internal',
    run: ({ client, origin }) =>
      client.post(origin, 'x', {
        lookup: (_hostname: string, _options: object, tell: (error: Error, address: string) => void) =>
          tell(new Error('no such name'), ''),
      }),
    expected: { outcome: { message: 'no such name' }, requests: [] },
  },
})

const recording = (notes: unknown[]): AxiosAdapter => {
  return (config) => {
    notes.push(config.url, config.method, config.data, config.headers.get('x-trace'))
    return axios.getAdapter('http')(config)
  }
}

const mocking = (): AxiosAdapter => async (config) => ({
  status: 200,
  statusText: 'mocked',
  headers: { 'x-mock': 'yes' },
  data: { mocked: true },
  config,
})

describeParity('another adapter', {
  'that is a function gets the whole request': {
    adapter: recording,
    run: ({ client, origin }) => client.post(`${origin}/x`, 'x', { headers: { 'X-Trace': '7' } }),
    expected: { notes: ['http://SERVICE/x', 'post', 'x', '7'], outcome: { status: 200 } },
  },
  'that gives a response of its own': {
    adapter: mocking,
    run: ({ client, origin }) => client.get(origin),
    expected: { outcome: { statusText: 'mocked', headers: { 'x-mock': 'yes' }, data: { mocked: true } }, requests: [] },
  },
  'that throws': {
    adapter: () => () => Promise.reject(new TypeError('broken adapter')),
    run: ({ client, origin }) => client.get(origin),
    expected: { outcome: { plain: true, name: 'TypeError', message: 'broken adapter' } },
  },
  'that is a list': {
    adapter: () => ['xhr', 'http'],
    run: ({ client, origin }) => client.get(origin),
    expected: { outcome: { status: 200 } },
  },
  'that does not exist': {
    adapter: () => 'carrier-pigeon' as 'http',
    run: ({ client, origin }) => client.get(origin),
    expected: { outcome: { message: "Unknown adapter 'carrier-pigeon'" } },
  },
})
