import type { IncomingMessage } from 'node:http'
import type { Criticality } from '@lb/core'
import { afterEach, describe, expect, it } from 'vitest'
import type { ProxyOptions } from '../src/index.ts'
import { closeAll, exchangeBytes, frameworks, type GatewayOptions, startEcho, startGateway } from './support.ts'

afterEach(closeAll)

const header = 'x-lb-criticality'

/** What the instance gets under `name` for a request that says `said` in `x-lb-criticality`. */
async function forwarded(options: ProxyOptions, said?: string, name = header, gateway: GatewayOptions = {}) {
  const echo = await startEcho()
  const { url } = await startGateway([echo.address], { ...gateway, proxy: options })
  const response = await fetch(url, said === undefined ? {} : { headers: { [header]: said } })
  expect(response.status).toBe(200)
  return echo.seen[0]?.headers[name]
}

describe.each(frameworks)('the class that a client asks for, over %s', (framework) => {
  it('is neither forwarded nor believed by default', async () => {
    expect(await forwarded({}, 'critical', header, { framework })).toBeUndefined()
    expect(await forwarded({ criticalityHeader: true }, 'critical', header, { framework })).toBe('default')
  })

  it('is believed where that is an option', async () => {
    const options: ProxyOptions = { criticality: 'header', criticalityHeader: true }
    for (const said of ['critical', 'default', 'sheddable']) {
      expect(await forwarded(options, said, header, { framework })).toBe(said)
    }
    expect(await forwarded(options, undefined, header, { framework })).toBe('default')
  })
})

it('is the default when it is none', async () => {
  for (const said of ['urgent', 'CRITICAL', '', 'critical, critical', 'critical;', '__proto__', '0']) {
    expect(await forwarded({ criticality: 'header', criticalityHeader: true }, said)).toBe('default')
    const criticality = ({ headers }: IncomingMessage) => headers[header] as Criticality
    expect(await forwarded({ criticality, criticalityHeader: true }, said)).toBe('default')
  }
})

it('is not forwarded in another spelling', async () => {
  const echo = await startEcho()
  const { url } = await startGateway([echo.address], { proxy: { criticalityHeader: 'x-worth' } })
  await fetch(url, {
    headers: {
      x_lb_criticality: 'critical',
      'x-lb_criticality': 'critical',
      X_Worth: 'critical',
      'x-worth': 'critical',
    },
  })
  const { rawHeaders = [] } = echo.seen[0] ?? {}
  const names = rawHeaders.filter((name, index) => index % 2 === 0 && /criticality|worth/i.test(name))
  expect(names).toEqual(['x-worth'])
  expect(echo.seen[0]?.headers['x-worth']).toBe('default')
})

it('is sent to the instance also when a client names its header in Connection', async () => {
  const echo = await startEcho()
  const { port } = await startGateway([echo.address], {
    proxy: { criticality: 'critical', criticalityHeader: 'x-worth' },
  })
  await exchangeBytes(port, 'GET / HTTP/1.1\r\nHost: a\r\nX-Worth: default\r\nConnection: close, x-worth\r\n\r\n')
  expect(echo.seen[0]?.headers['x-worth']).toBe('critical')
})

it.each([
  ['critical', 'default', 'default'],
  ['default', 'default', 'default'],
  ['sheddable', 'default', 'sheddable'],
  ['urgent', 'default', 'default'],
  [undefined, 'sheddable', 'sheddable'],
  ['urgent', 'sheddable', 'sheddable'],
  ['critical', 'sheddable', 'sheddable'],
  ['critical', 'critical', 'critical'],
  ['urgent', 'critical', 'default'],
] as const)('a client that says %s gets at most %s: %s', async (said, headerAtMost, expected) => {
  expect(await forwarded({ criticality: { headerAtMost }, criticalityHeader: true }, said)).toBe(expected)
})

it('believes the header of another name, and no other', async () => {
  const options: ProxyOptions = { criticality: 'header', criticalityHeader: 'X-Worth' }
  expect(await forwarded(options, 'critical', 'x-worth')).toBe('default')
  const echo = await startEcho()
  const { url } = await startGateway([echo.address], { proxy: options })
  await fetch(url, { headers: { 'x-worth': 'critical' } })
  expect(echo.seen[0]?.headers['x-worth']).toBe('critical')
})

it('may be the same for all, or found by a function, which fails as a hook does', async () => {
  expect(await forwarded({ criticality: 'sheddable', criticalityHeader: true }, 'critical')).toBe('sheddable')
  const byPath: ProxyOptions = { criticality: ({ url }) => (url === '/' ? 'critical' : undefined) }
  expect(await forwarded({ ...byPath, criticalityHeader: true })).toBe('critical')
  const refuse = (): never => {
    throw Object.assign(new Error('no such tenant'), { statusCode: 404 })
  }
  const { url } = await startGateway([], { proxy: { criticality: refuse } })
  expect((await fetch(url)).status).toBe(404)
})

it('decides which request is refused when the service is full', async () => {
  const echo = await startEcho()
  const proxy: ProxyOptions = { criticality: { headerAtMost: 'default' } }
  const { url, lb } = await startGateway([echo.address], {
    proxy,
    lb: { services: { service: { maxInFlight: 1, queue: { maxSize: 1 } } } },
  })
  const { done } = await lb.acquire('service')
  const send = (said: string) => fetch(url, { headers: { [header]: said } })
  const sheddable = send('sheddable')
  await expect.poll(() => lb.inspect('service').queued).toBe(1)
  const [first, second] = [send('critical'), sheddable]
  expect((await second).status).toBe(503)
  // It asks for more than it may have: the queue is full of its equals.
  expect((await send('critical')).status).toBe(503)
  done({ ok: true, latencyMs: 1 })
  expect((await first).status).toBe(200)
})

it.each([
  [{ criticality: 'urgent' }, 'proxy.criticality must be one of critical, default, sheddable'],
  [{ criticality: 3 }, 'proxy.criticality must be one of critical, default, sheddable'],
  [{ criticality: null }, 'proxy.criticality must be one of critical, default, sheddable'],
  [{ criticality: {} }, 'proxy.criticality.headerAtMost must be one of critical, default, sheddable'],
  [{ criticality: { atMost: 'default' } }, 'proxy.criticality.atMost is not a known option. Known: headerAtMost'],
  [{ criticalityHeader: 'content-length' }, 'proxy.criticalityHeader must be true, false, or the name of a header'],
])('refuses %j by name', async (proxy, message) => {
  await expect(startGateway([], { proxy: proxy as ProxyOptions })).rejects.toThrow(message)
})
