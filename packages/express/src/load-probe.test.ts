import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { afterEach, describe, expect, it } from 'vitest'
import { loadProbe } from './load-probe.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A server that answers what `respond` says, behind the probe. */
async function serving(respond: (response: ServerResponse) => void): Promise<string> {
  const probe = loadProbe()
  const server = createServer((request, response) => probe(request, response, () => respond(response)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function report(address: string): Promise<unknown> {
  return (await fetch(`http://${address}/lb/load`)).json()
}

describe('loadProbe', () => {
  it('reports the requests in flight, and the latency once there was one', async () => {
    const held: ServerResponse[] = []
    const address = await serving((response) => held.push(response))
    expect(await report(address)).toEqual({ inFlight: 0 })
    const calls = [fetch(`http://${address}/a`), fetch(`http://${address}/b`)]
    while (held.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(await report(address)).toEqual({ inFlight: 2 })
    for (const response of held) response.end('ok')
    for (const call of calls) await (await call).text()
    expect(await report(address)).toEqual({ inFlight: 0, latencyMs: expect.any(Number) })
  })

  it('counts requests whose client gave up no longer', async () => {
    const held: ServerResponse[] = []
    const address = await serving((response) => held.push(response))
    const controller = new AbortController()
    const call = fetch(`http://${address}/a`, { signal: controller.signal }).catch(() => undefined)
    while (held.length < 1) await new Promise((resolve) => setImmediate(resolve))
    const [response] = held as [ServerResponse]
    const closed = once(response, 'close')
    controller.abort()
    await Promise.all([call, closed])
    expect(await report(address)).toEqual({ inFlight: 0 })
  })

  it('answers the balancer that probes', async () => {
    const addresses = [await serving((response) => response.end('a')), await serving((response) => response.end('b'))]
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: addresses }), balancer: 'probing' })
    closers.push(() => lb.close())
    const call = (): Promise<string> =>
      lb.execute('users', async ({ host, port }) => (await fetch(`http://${host}:${port}/`)).text())
    const answers = new Set<string>()
    for (let each = 0; each < 50; each++) answers.add(await call())
    expect(answers).toEqual(new Set(['a', 'b']))
    expect(lb.inspect('users').probing?.active).toBe(true)
  })

  it.each([
    [{ paths: '/x' }, 'loadProbe.paths is not a known option. Did you mean path?'],
    [{ path: 'x' }, 'loadProbe.path must be a path that begins with a slash, got "x" (string)'],
    [{ clock: 5 }, 'loadProbe.clock must be a Clock'],
  ])('rejects the options %o', (options, message) => {
    expect(() => Reflect.apply(loadProbe, undefined, [options])).toThrow(message)
  })
})
