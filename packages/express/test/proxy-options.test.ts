import { InvalidOptionError, LoadBalancer, StaticDiscovery } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { proxy } from '../src/index.ts'

describe('options of the proxy', () => {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({}) })

  it.each([
    [{ prefix: 'users' }, 'proxy.prefix'],
    [{ targetPrefix: '/a/' }, 'proxy.targetPrefix'],
    [{ hostHeader: 'x' }, 'proxy.hostHeader'],
    [{ forwarded: true }, 'proxy.forwarded'],
    [{ trustProxy: 'loopback' }, 'proxy.trustProxy'],
    [{ via: 'a b' }, 'proxy.via'],
    [{ cookieDomain: 'a;b' }, 'proxy.cookieDomain'],
    [{ upgrades: ['WebSocket'] }, 'proxy.upgrades'],
    [{ connectTimeoutMs: 0 }, 'proxy.connectTimeoutMs'],
    [{ responseTimeoutMs: -1 }, 'proxy.responseTimeoutMs'],
    [{ idleTimeoutMs: '1s' }, 'proxy.idleTimeoutMs'],
    [{ bufferLimit: 1.5 }, 'proxy.bufferLimit'],
    [{ onError: 'x' }, 'proxy.onError'],
    [{ sticky: { cookie: 'a b', secret: 'x'.repeat(16) } }, 'proxy.sticky.cookie'],
    [{ sticky: { cookie: 'a', secret: 'short' } }, 'proxy.sticky.secret'],
    [{ sticky: { header: '' } }, 'proxy.sticky.header'],
    [{ sticky: { header: 'a' }, hashKey: () => 'a' }, 'proxy.hashKey'],
    [{ tls: true }, 'proxy.tls'],
    [{ tls: { ca: 5 } }, 'proxy.tls'],
    [{ tls: { cert: 'no certificate', key: 'no key' } }, 'proxy.tls'],
    [{ clock: {} }, 'proxy.clock'],
    [{ timeoutMs: 1 }, 'proxy.timeoutMs'],
  ])('%o is refused by name', (options, path) => {
    expect(() => proxy(lb, 'service', options as never)).toThrow(
      expect.objectContaining({ code: 'LB_INVALID_OPTION', option: path }) as InvalidOptionError,
    )
  })

  it.each([
    ['sticky', { sticky: { header: 'x-user' } }],
    ['hashKey', { hashKey: () => 'a' }],
  ])('%s needs a balancer that hashes', (name, options) => {
    const discovery = new StaticDiscovery({})
    expect(() => proxy(lb, 'service', options)).toThrow(
      expect.objectContaining({
        option: `proxy.${name}`,
        message: expect.stringContaining("'ring-hash'") as string,
      }) as Error,
    )
    for (const balancer of ['ring-hash', 'maglev', () => ({ update: () => {}, pick: () => undefined })] as const) {
      expect(() =>
        proxy(new LoadBalancer({ discovery, services: { service: { balancer } } }), 'service', options),
      ).not.toThrow()
    }
  })

  it('a secret is in no error', () => {
    expect(() => proxy(lb, 'service', { sticky: { cookie: 'a', secret: 'hunter2' } })).toThrow(/^(?!.*hunter2)/s)
  })

  it('no load balancer and no service are refused', () => {
    expect(() => proxy({} as never, 'service')).toThrow(InvalidOptionError)
    expect(() => proxy(lb, '')).toThrow(InvalidOptionError)
  })
})
