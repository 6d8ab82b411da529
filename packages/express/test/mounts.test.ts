import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import express5, { type Express, type RequestHandler } from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { afterEach, describe, expect, it } from 'vitest'
import { type Middleware, type ProxyOptions, proxy } from '../src/index.ts'
import { closeAll, exchangeBytes, express4, listen, onClose, startInstance } from './support.ts'

afterEach(closeAll)

type Handler = Middleware & RequestHandler
interface ConnectApp extends RequestListener {
  use(path: string, handler: Middleware): void
  use(handler: Middleware): void
}
const connect: () => ConnectApp = createRequire(import.meta.url)('connect')

/** How a proxy is mounted, and what an instance is asked for; `other`: what http-proxy-middleware asks for instead. */
interface Mount {
  readonly name: string
  readonly options?: ProxyOptions
  mount(app: Express, handler: Handler, express: typeof express5): void
  readonly paths: Readonly<Record<string, string | { readonly ours: string; readonly other: string }>>
}

const rewrite =
  (pattern: RegExp, replacement: string): Handler =>
  (request, _response, next) => {
    request.url = (request.url ?? '').replace(pattern, replacement)
    next?.()
  }

/** A wildcard takes the whole path, and a slash is left: nobody means that. */
const taken = (ours: string, other = '/'): { ours: string; other: string } => ({ ours, other })

/** http-proxy merges slashes at the beginning; what a client wrote is not ours to change. */
const merged = (ours: string, other: string): { ours: string; other: string } => ({ ours, other })

const everyExpress: readonly Mount[] = [
  {
    name: 'use without a path',
    mount: (app, handler) => app.use(handler),
    paths: { '/': '/', '/a/b?x=1': '/a/b?x=1', '/a/': '/a/', '//a': merged('//a', '/a'), '/a%2Fb': '/a%2Fb' },
  },
  {
    name: 'use with a path',
    mount: (app, handler) => app.use('/users', handler),
    paths: {
      '/users': '/',
      '/users/': '/',
      '/users?x': '/?x',
      '/users/1': '/1',
      '/users/1/': '/1/',
      '/users/a%20b': '/a%20b',
    },
  },
  {
    name: 'use with a parameter',
    mount: (app, handler) => app.use('/t/:tenant', handler),
    paths: { '/t/acme': '/', '/t/acme/orders?x=1': '/orders?x=1', '/t/acme/acme': '/acme', '/t/a%2Fb/c': '/c' },
  },
  {
    name: 'use with a regular expression',
    mount: (app, handler) => app.use(/^\/api/, handler),
    paths: { '/api': '/', '/api/1': '/1' },
  },
  {
    name: 'use with a regular expression for the rest',
    mount: (app, handler) => app.use(/^\/api\/(.*)/, handler),
    paths: { '/api/1/2?x=1': taken('/1/2?x=1', '/?x=1') },
  },
  {
    name: 'all with a path',
    mount: (app, handler) => app.all('/users', handler),
    paths: { '/users?x': '/users?x' },
  },
  {
    name: 'a router with a parameter',
    mount(app, handler, express) {
      const router = express.Router()
      router.use('/orders/:order', handler)
      app.use('/t/:tenant', router)
    },
    paths: { '/t/acme/orders/1/lines': '/lines', '/t/acme/orders/1': '/' },
  },
  {
    name: 'an application in another',
    mount(app, handler, express) {
      const inner = express()
      inner.use('/users', handler)
      app.use('/api', inner)
    },
    paths: { '/api/users/1?x=1': '/1?x=1', '/api/users': '/' },
  },
  {
    name: 'below a middleware that takes a version off',
    mount: (app, handler) => app.use('/api', rewrite(/^\/v1(?=\/)/, ''), handler),
    paths: { '/api/v1/users?x=1': '/users?x=1', '/api/users': '/users' },
  },
  {
    name: 'in a router below one that takes a tenant off',
    mount(app, handler, express) {
      const router = express.Router()
      router.use(rewrite(/^\/tenants\/[^/]+/, ''))
      router.use(handler)
      app.use('/t', router)
    },
    paths: { '/t/tenants/acme/orders': '/orders' },
  },
  {
    name: 'behind a middleware that writes another path',
    mount(app, handler) {
      app.use(rewrite(/^\/old/, '/new'))
      app.use(handler)
    },
    paths: { '/old/users': '/new/users' },
  },
  {
    name: 'behind a middleware that writes the mount',
    mount(app, handler) {
      app.use(rewrite(/^\/u(?=\/)/, '/users'))
      app.use('/users', handler)
    },
    paths: { '/u/1': '/1' },
  },
]

const only5: readonly Mount[] = [
  {
    name: 'use with a wildcard',
    mount: (app, handler) => app.use('/p/*rest', handler),
    paths: {
      '/p/1/2?x=1': taken('/1/2?x=1', '/?x=1'),
      '/p/1/2/': taken('/1/2/'),
      '/p/1%2F2/%C3%A9': taken('/1%2F2/%C3%A9'),
      '/p//1': taken('//1'),
      '/p/p/p': taken('/p/p'),
    },
  },
  {
    name: 'use with a parameter and a wildcard',
    mount: (app, handler) => app.use('/t/:id/*rest', handler),
    paths: { '/t/1/1/1': taken('/1/1') },
  },
  {
    name: 'use with a wildcard for the whole path',
    mount: (app, handler) => app.use('/{*path}', handler),
    paths: { '/': '/', '/1/2?x=1': taken('/1/2?x=1', '/?x=1') },
  },
  {
    name: 'use with a wildcard for the whole path, and a prefix',
    options: { prefix: '/p' },
    mount: (app, handler) => app.use('/{*path}', handler),
    paths: { '/p/2?x=1': taken('/2?x=1', '/?x=1') },
  },
  { name: 'all with a wildcard', mount: (app, handler) => app.all('/p/*rest', handler), paths: { '/p/1/2': '/p/1/2' } },
  {
    name: 'slashes below the mount',
    mount: (app, handler) => app.use('/p', handler),
    paths: { '/p//1': merged('//1', '/1') },
  },
]

const only4: readonly Mount[] = [
  {
    name: 'use with a wildcard',
    mount: (app, handler) => app.use('/p/*', handler),
    paths: { '/p/1/2?x=1': taken('/1/2?x=1', '/?x=1'), '/p/1/2/': taken('/1/2/'), '/p/': '/', '/p//1': taken('//1') },
  },
  {
    name: 'use with a wildcard for the whole path',
    mount: (app, handler) => app.use('*', handler),
    paths: { '/': '/', '/1/2?x=1': taken('/1/2?x=1', '/?x=1') },
  },
  { name: 'all with a wildcard', mount: (app, handler) => app.all('/p/*', handler), paths: { '/p/1/2': '/p/1/2' } },
  // Express 4 itself takes the first slash for the end of the mount.
  { name: 'slashes below the mount', mount: (app, handler) => app.use('/p', handler), paths: { '/p//1': '/1' } },
]

/** What an instance is asked for by our proxy, and by http-proxy-middleware. */
async function asked(
  path: string,
  options: ProxyOptions | undefined,
  listener: (handler: Handler) => RequestListener,
): Promise<[ours: string | undefined, other: string | undefined]> {
  const urls: (string | undefined)[] = []
  const address = await startInstance((request, response) => {
    urls.push(request.url)
    response.end()
  })
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [address] }) })
  onClose(() => lb.close())
  const other = createProxyMiddleware<IncomingMessage, ServerResponse>({ target: `http://${address}` })
  for (const handler of [proxy(lb, 'service', options), other as unknown as Middleware]) {
    const port = await listen(createServer(listener(handler as Handler)))
    await exchangeBytes(port, `GET ${path} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n`, 2_000)
  }
  return [urls[0], urls[1]]
}

const table = [
  ...[...everyExpress, ...only5].map((mount) => ({ framework: 'Express 5', express: express5, mount })),
  ...[...everyExpress, ...only4].map((mount) => ({ framework: 'Express 4', express: express4, mount })),
].flatMap(({ framework, express, mount }) =>
  Object.entries(mount.paths).map(([path, expected]) => ({
    framework,
    express,
    mount,
    path,
    expected,
    name: mount.name,
  })),
)

describe('the path that goes on, beside that of http-proxy-middleware', () => {
  it.each(table)('$framework, $name: $path', async ({ express, mount, path, expected }) => {
    const both = typeof expected === 'string' ? { ours: expected, other: expected } : expected
    const [ours, other] = await asked(path, mount.options, (handler) => {
      const app = express()
      mount.mount(app, handler, express)
      return app
    })
    expect({ ours, other }).toEqual(both)
  })

  it.each([
    ['/users', '/', '/'],
    ['/users?x', '/?x', '/?x'],
    ['/users/1?x=1', '/1?x=1', '/1?x=1'],
    ['/users//1', '//1', '/1'],
  ])('connect: %s', async (path, expected, others) => {
    const [ours, other] = await asked(path, {}, (handler) => {
      const app = connect()
      app.use('/users', handler)
      return app
    })
    expect([ours, other]).toEqual([expected, others])
  })

  it('connect, rewritten', async () => {
    const both = await asked('/api/v1/users', {}, (handler) => {
      const app = connect()
      app.use(rewrite(/^\/api\/v1/, '/api'))
      app.use('/api', handler)
      return app
    })
    expect(both).toEqual(['/users', '/users'])
  })

  it.each([
    ['/a/b?x=1', {}, '/a/b?x=1'],
    ['/users/b?x=1', { prefix: '/users' }, '/b?x=1'],
  ])('node:http: %s with %o', async (path, options, expected) => {
    const [ours, other] = await asked(path, options, (handler) => handler)
    expect([ours, other]).toEqual([expected, path])
  })
})

describe('the mount in Location', () => {
  const location = async (
    path: string,
    listener: (handler: Handler) => RequestListener,
    options?: ProxyOptions,
  ): Promise<string | null> => {
    const address = await startInstance((_request, response) => response.writeHead(302, { location: '/welcome' }).end())
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [address] }) })
    onClose(() => lb.close())
    const port = await listen(createServer(listener(proxy(lb, 'service', options) as Handler)))
    return (await fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual' })).headers.get('location')
  }
  const under = (path: string) => (handler: Handler) => {
    const app = connect()
    app.use(path, handler)
    return app
  }

  it('is that of connect', async () => {
    expect(await location('/users/login', under('/users'))).toBe('/users/welcome')
    expect(await location('/users', under('/users'))).toBe('/users/welcome')
    expect(await location('/users?x=/a', under('/users'))).toBe('/users/welcome')
  })

  it('is that of a wildcard in Express', async () => {
    expect(await location('/p/login', (handler) => express5().use('/p/*rest', handler))).toBe('/p/welcome')
    expect(await location('/p/a/login', (handler) => express4().use('/p/*', handler))).toBe('/p/welcome')
  })

  it('is that before a middleware wrote another path', async () => {
    const listener = (handler: Handler): RequestListener => express5().use('/api', rewrite(/^\/v1/, ''), handler)
    expect(await location('/api/v1/login', listener)).toBe('/api/welcome')
  })
})
