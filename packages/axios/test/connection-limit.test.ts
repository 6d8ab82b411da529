import { Agent } from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios, { type AxiosRequestConfig } from 'axios'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isLoadBalancedError, loadBalance } from '../src/index.ts'

let server: Server
let connections: number
let lb: LoadBalancer

// It takes connections, and never says a word of TLS.
beforeEach(async () => {
  connections = 0
  server = createServer((socket) => {
    connections++
    socket.on('error', () => {}).resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [`https://127.0.0.1:${port}`] }), retry: false })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(async () => {
  vi.useRealTimers()
  await lb.close()
  server.close()
})

describe('a TLS handshake that never ends', () => {
  it.each<[string, AxiosRequestConfig]>([
    ["the package's agent", {}],
    ["the caller's agent", { httpsAgent: new Agent({ keepAlive: true }) }],
  ])('is given up after 3 s, the request being unsent: %s', async (_agent, config) => {
    const failure = loadBalance(axios.create(), lb)
      .post('http://users/', 'x', config)
      .catch((error: unknown) => error)
    await vi.waitFor(() => expect(connections).toBe(1), { timeout: 20_000, interval: 2 })
    vi.advanceTimersByTime(3_000)
    const error = await failure
    expect(error).toMatchObject({ code: 'ETIMEDOUT' })
    expect(isLoadBalancedError(error)).toBe(true)
  })
})
