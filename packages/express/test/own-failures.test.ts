import type { LoadBalancerEvent } from '@lb/core'
import { afterEach, describe, expect, it } from 'vitest'
import { ProxyError, type ProxyOptions } from '../src/index.ts'
import {
  closeAll,
  deferred,
  exchangeBytes,
  type Gateway,
  nobody,
  startEcho,
  startGateway,
  startInstance,
  startRawInstance,
} from './support.ts'

afterEach(closeAll)

type Failure = Extract<LoadBalancerEvent, { type: 'gateway-failed' }>

async function start(
  instances: readonly string[],
  proxy: ProxyOptions = {},
): Promise<Gateway & { failures: Failure[] }> {
  const gateway = await startGateway(instances, { proxy, lb: { outlierDetection: false, retry: false } })
  const failures: Failure[] = []
  gateway.lb.subscribe((event) => {
    if (event.type === 'gateway-failed') failures.push(event)
  })
  return { ...gateway, failures }
}

function failing(hook: 'onRequest' | 'onResponse'): ProxyOptions {
  const fail = (): never => {
    throw new Error('a mistake')
  }
  return hook === 'onRequest' ? { onRequest: fail } : { onResponse: fail }
}

describe('a 5xx of the gateway itself is one event', () => {
  it.each([
    ['nothing listens', async () => start([await nobody()]), 502],
    ['there is no instance', async () => start([]), 503],
    ['the response is late', async () => start([await startRawInstance(() => {})], { responseTimeoutMs: 50 }), 504],
    ['onRequest throws', async () => start([(await startEcho()).address], failing('onRequest')), 500],
    ['onResponse throws', async () => start([(await startEcho()).address], failing('onResponse')), 500],
  ])('%s', async (_name, started, statusCode) => {
    const { url, failures } = await started()
    const response = await fetch(`${url}/a?token=secret`, { method: 'POST', body: 'x' })
    expect(response.status).toBe(statusCode)
    expect(failures).toEqual([
      { type: 'gateway-failed', service: 'service', statusCode, method: 'POST', error: expect.any(ProxyError) },
    ])
    expect(JSON.stringify(failures)).not.toContain('secret')
  })

  it('of an upgrade too', async () => {
    const { port, failures } = await start([])
    await exchangeBytes(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', 2_000)
    expect(failures).toMatchObject([{ statusCode: 503, method: 'GET' }])
  })

  it('a 5xx of an instance, a refusal, and a client that leaves are none', async () => {
    const gone = deferred()
    const instance = await startInstance((request, response) => {
      if (request.url !== '/slow') response.writeHead(503).end()
      else gone.resolve()
    })
    const { url, port, failures } = await start([instance])
    expect((await fetch(url)).status).toBe(503)
    await exchangeBytes(port, 'GET /../a HTTP/1.1\r\nHost: a\r\n\r\n', 2_000)
    const controller = new AbortController()
    const slow = fetch(`${url}/slow`, { signal: controller.signal }).catch(() => 'aborted')
    await gone.promise
    controller.abort()
    expect(await slow).toBe('aborted')
    expect((await fetch(url)).status).toBe(503)
    expect(failures).toEqual([])
  })
})
