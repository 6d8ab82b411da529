import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { type InvalidOptionError, LoadBalancer, StaticDiscovery } from '@lb/core'
import { parseLoadReport } from '@lb/core/authoring'
import { FakeClock } from '@lb/testing'
import express5, { type Request } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { healthEndpoint, type LoadBalancedRequest, loadBalancer, loadReport, type Middleware } from '../src/index.ts'
import { closeAll, express4, frameworks, listen, serverOf } from './support.ts'

declare global {
  // What an application writes to have the type.
  namespace Express {
    interface Request extends LoadBalancedRequest {}
  }
}

afterEach(closeAll)

/** A server with `middleware` before a handler that says 200. */
async function serve(framework: (typeof frameworks)[number], middleware: Middleware): Promise<string> {
  const last = (_request: IncomingMessage, response: ServerResponse): unknown => response.end('application')
  if (framework.startsWith('bare')) {
    const listener: RequestListener = (request, response) =>
      middleware(request, response, () => last(request, response))
    return `http://127.0.0.1:${await listen(await serverOf(framework, listener))}`
  }
  const app = framework === 'express 4' ? express4() : express5()
  app.use(middleware).use(last)
  return `http://127.0.0.1:${await listen(createServer(app))}`
}

describe.each(frameworks)('%s', (framework) => {
  it('loadBalancer puts the load balancer on every request', async () => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: ['a:1'] }) })
    const put = loadBalancer(lb)
    let given: unknown
    const url = await serve(framework, (request, response, next) =>
      put(request, response, () => {
        // Typed without a cast, by the declaration above.
        given = (request as Request).loadBalancer
        next?.()
      }),
    )
    expect(await (await fetch(url)).text()).toBe('application')
    expect(given).toBe(lb)
  })

  it('health is 200, and 503 from drain() on, in a way active checks believe at once', async () => {
    const health = healthEndpoint()
    const url = await serve(framework, health)
    const healthy = await fetch(`${url}/health?x`)
    expect([healthy.status, await healthy.json(), healthy.headers.get('cache-control')]).toEqual([
      200,
      { status: 'ok' },
      'no-store',
    ])
    expect(health.draining).toBe(false)
    health.drain()
    expect(health.draining).toBe(true)
    const draining = await fetch(`${url}/health`)
    expect([draining.status, await draining.json()]).toEqual([503, { status: 'draining' }])
    expect(draining.headers.get('x-immediate-health-check-fail')).toBe('true')
    expect((await fetch(`${url}/health`, { method: 'HEAD' })).status).toBe(503)
    expect((await fetch(`${url}/health`, { method: 'POST' })).status).toBe(405)
    expect(await (await fetch(`${url}/healthy`)).text()).toBe('application')
  })

  it('loadReport tells the load in every response', async () => {
    const clock = new FakeClock()
    const url = await serve(framework, loadReport({ clock, metrics: () => ({ namedMetrics: { queue: 3 } }) }))
    const report = async (): Promise<string | null> => (await fetch(url)).headers.get('endpoint-load-metrics')
    expect(await report()).toBeNull()
    await report()
    await clock.advance(2_000)
    const first = parseLoadReport((await report()) ?? '')
    // Three requests in two seconds.
    expect(first).toMatchObject({ rpsFractional: 1.5, eps: 0, namedMetrics: { queue: 3 } })
    expect(first?.applicationUtilization).toBeLessThanOrEqual(1)
    await clock.advance(500)
    expect(parseLoadReport((await report()) ?? '')?.rpsFractional).toBe(1.5)
  })
})

describe('healthEndpoint', () => {
  it.each([
    [() => true, 200],
    [async () => true, 200],
    [() => false, 503],
    [async () => Promise.reject(new Error('secret')), 503],
    [
      () => {
        throw new Error('secret')
      },
      503,
    ],
  ])('asks its check', async (check, status) => {
    const url = await serve('bare node:http', healthEndpoint({ path: '/ready', check }))
    const response = await fetch(`${url}/ready`)
    expect(response.status).toBe(status)
    expect(await response.text()).not.toContain('secret')
  })

  it('answers where it is mounted, and 404 elsewhere without next', async () => {
    const health = healthEndpoint()
    const app = express5().get('/health', health)
    expect((await fetch(`http://127.0.0.1:${await listen(createServer(app))}/health`)).status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${await listen(createServer(health))}/other`)).status).toBe(404)
  })
})

describe('loadReport', () => {
  it('what an application adds wrongly does not fail its requests', async () => {
    const clock = new FakeClock()
    const url = await serve('bare node:http', loadReport({ clock, metrics: () => ({ cpuUtilization: Number.NaN }) }))
    await clock.advance(1_000)
    expect((await fetch(url)).headers.get('endpoint-load-metrics')).toMatch(/^TEXT cpu_utilization=[^N]*$/)
  })

  it('counts failures', async () => {
    const clock = new FakeClock()
    const report = loadReport({ clock })
    const server = createServer((request, response) =>
      report(request, response, () => {
        response.statusCode = 500
        response.end()
      }),
    )
    const url = `http://127.0.0.1:${await listen(server)}`
    for (let request = 0; request < 2; request++) await (await fetch(url)).text()
    await clock.advance(1_000)
    expect(parseLoadReport((await fetch(url)).headers.get('endpoint-load-metrics') ?? '')).toMatchObject({
      eps: 2,
      rpsFractional: 3,
    })
  })
})

describe('bad arguments are refused by name', () => {
  it.each([
    [() => loadBalancer({} as never), 'loadBalancer.lb'],
    [() => healthEndpoint({ path: 'health' }), 'healthEndpoint.path'],
    [() => healthEndpoint({ check: true as never }), 'healthEndpoint.check'],
    [() => healthEndpoint({ paths: '/a' } as never), 'healthEndpoint.paths'],
    [() => loadReport({ intervalMs: 0 }), 'loadReport.intervalMs'],
    [() => loadReport({ metrics: {} as never }), 'loadReport.metrics'],
    [() => loadReport({ clock: {} as never }), 'loadReport.clock'],
  ])('%#: %s', (call, path) => {
    expect(call).toThrow(expect.objectContaining({ option: path }) as InvalidOptionError)
  })
})
