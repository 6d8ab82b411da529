import { request } from 'node:http'
import type { CallResult, LoadBalancerEvent } from '@lb/core'
import { afterEach, describe, expect, it } from 'vitest'
import { closeAll, deferred, type Gateway, type GatewayOptions, startGateway, startInstance } from './support.ts'

afterEach(closeAll)

/** A gateway whose calls are listened to, and observed. */
class ObservedGateway {
  readonly gateway: Gateway
  readonly events: LoadBalancerEvent[] = []
  readonly notes: string[] = []

  constructor(gateway: Gateway) {
    this.gateway = gateway
    gateway.lb.subscribe((event) => this.events.push(event))
    gateway.lb.observe({
      startCall: ({ httpMethod }) => {
        this.notes.push(`call ${httpMethod}`)
        return {
          startAttempt: ({ kind }) => {
            this.notes.push(kind)
            return { run: (send) => send(), end: ({ ok }) => this.notes.push(`${kind} ${ok}`) }
          },
          end: ({ result }) => this.notes.push(result),
        }
      },
    })
  }

  get ends(): CallResult[] {
    return this.events.flatMap((event) => (event.type === 'call-finished' ? [event] : []))
  }

  /** The ends of calls once there are `count`. */
  async ended(count = 1): Promise<CallResult[]> {
    await expect.poll(() => this.ends.length, { timeout: 10_000, interval: 2 }).toBe(count)
    return this.ends
  }
}

async function observed(instances: readonly string[], options: GatewayOptions = {}): Promise<ObservedGateway> {
  return new ObservedGateway(await startGateway(instances, options))
}

/** An instance that resets each connection. */
function startResetting(): Promise<string> {
  return startInstance(({ socket }) => socket.resetAndDestroy())
}

describe('a request through the proxy is a call', () => {
  it('with a retry: one begin, two attempts, and one end of each', async () => {
    const good = await startInstance((_request, response) => response.end('good'))
    const lb = { random: () => 0, retry: { backoffBaseMs: 1 } }
    const proxied = await observed([await startResetting(), good], { lb })
    expect(await (await fetch(proxied.gateway.url)).text()).toBe('good')
    await proxied.ended()
    expect(proxied.notes).toEqual(['call GET', 'first', 'first false', 'retry', 'retry true', 'ok'])
  })

  it('that is failed when no attempt got a response, however the gateway responds', async () => {
    const proxied = await observed([await startResetting()], { lb: { retry: { maxRetries: 1, backoffBaseMs: 1 } } })
    expect((await fetch(proxied.gateway.url)).status).toBe(502)
    expect(await proxied.ended()).toEqual([expect.objectContaining({ result: 'failed', attempts: 2, retries: 1 })])
  })

  it('that is cancelled when the client goes away', async () => {
    const arrived = deferred()
    const proxied = await observed([await startInstance(() => arrived.resolve())])
    const sent = request(proxied.gateway.url).on('error', () => {})
    sent.end()
    await arrived.promise
    sent.destroy()
    expect(await proxied.ended()).toEqual([expect.objectContaining({ result: 'cancelled', attempts: 1 })])
  })

  it('that is refused when it is never sent, with the reason', async () => {
    const proxied = await observed([])
    expect((await fetch(proxied.gateway.url)).status).toBe(503)
    const error = expect.objectContaining({ code: 'LB_NO_AVAILABLE_INSTANCE' })
    expect(await proxied.ended()).toEqual([expect.objectContaining({ result: 'refused', attempts: 0, error })])
  })

  it('that ends when the body of the response has', async () => {
    const rest = deferred()
    const streaming = await startInstance((_request, response) => {
      response.write('go')
      void rest.promise.then(() => response.end('od'))
    })
    const proxied = await observed([streaming])
    const response = await fetch(proxied.gateway.url)
    expect(proxied.ends).toEqual([])
    rest.resolve()
    expect(await response.text()).toBe('good')
    expect(await proxied.ended()).toEqual([expect.objectContaining({ result: 'ok', attempts: 1, statusCode: 200 })])
  })

  it('that is failed when the body of the response breaks off', async () => {
    const breaking = await startInstance((_request, response) => {
      response.writeHead(200, { 'content-length': 4 })
      response.write('go', () => response.socket?.resetAndDestroy())
    })
    const proxied = await observed([breaking])
    await expect(fetch(proxied.gateway.url, { method: 'POST' }).then((response) => response.text())).rejects.toThrow()
    expect(await proxied.ended()).toEqual([expect.objectContaining({ result: 'failed', attempts: 1 })])
  })
})
