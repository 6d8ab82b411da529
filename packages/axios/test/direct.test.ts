import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createSecureServer, Agent as SecureAgent } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios, { type AxiosInstance, type AxiosRequestConfig } from 'axios'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { newCertificate } from '../../undici/test/certificate.ts'
import { loadBalance } from '../src/index.ts'

/** `/N` leads to `/N-1`, and `/0` says what it received. */
const chain: RequestListener = (request, response) => {
  let body = ''
  request.on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => {
    const { method, url = '', headers } = request
    const left = Number(/^\/(\d+)/.exec(url)?.[1] ?? 0)
    if (left > 0) response.writeHead(307, { location: `/${left - 1}` }).end('elsewhere')
    else response.writeHead(200).end(JSON.stringify({ method, url, body, authorization: headers.authorization }))
  })
}

interface Seen {
  readonly data: unknown
  readonly url: string | undefined
  readonly redirects: number
}

const httpsAgent = new SecureAgent({ keepAlive: true, rejectUnauthorized: false })

describe.each(['http', 'https'])('a request over %s', (scheme) => {
  let server: Server
  let address: string
  let lb: LoadBalancer
  let client: AxiosInstance

  beforeAll(async () => {
    server = scheme === 'http' ? createServer(chain) : createSecureServer(newCertificate(), chain)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [`${scheme}://${address}`] }), retry: false })
    client = loadBalance(axios.create({ httpsAgent }), lb)
  })

  afterAll(async () => {
    await lb.close()
    httpsAgent.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  afterEach(() => vi.restoreAllMocks())

  async function seenBy(
    sender: AxiosInstance,
    origin: string,
    path: string,
    config: AxiosRequestConfig,
  ): Promise<Seen> {
    const { data, request } = await sender.request({ ...config, url: origin + path })
    const { res }: { res: IncomingMessage & { responseUrl?: string; redirects?: unknown[] } } = request
    const { _redirectCount: redirects }: { _redirectCount: number } = request._redirectable
    return { data, url: res.responseUrl, redirects }
  }

  it.each<[string, string, AxiosRequestConfig]>([
    ['that is not redirected', '/0?a=b#c', { params: { d: 'e f' } }],
    ['with credentials', '/0', { auth: { username: 'ann@x', password: 'a:b' } }],
    ['that is redirected, with its body', '/2', { method: 'post', data: { a: 1 } }],
    ['that is redirected, with its credentials', '/2', { auth: { username: 'ann', password: 'secret' } }],
    ['that is redirected as often as it may', '/3', { maxRedirects: 3 }],
    ['that is redirected and has a time limit', '/3', { timeout: 5_000 }],
  ])('%s says the same of its URL as with plain axios', async (_what, path, config) => {
    const plain = axios.create({ httpsAgent })
    const expected = await seenBy(plain, `${scheme}://${address}`, path, config)
    expect(expected.url).toContain('/0')
    expect(await seenBy(client, 'http://users', path, config)).toEqual(expected)
  })

  it('that is redirected too often fails as with plain axios', async () => {
    await expect(client.get('http://users/3', { maxRedirects: 2 })).rejects.toMatchObject({
      code: 'ERR_FR_TOO_MANY_REDIRECTS',
    })
  })

  it('neither looks for a proxy nor leaves a function behind', async () => {
    const module = (await import(`node:${scheme}`)).default
    await client.get('http://users/0')
    const request = vi.spyOn(module, 'request')
    vi.stubEnv('http_proxy', 'http://127.0.0.1:1').stubEnv('https_proxy', 'http://127.0.0.1:1')
    await client.get('http://users/0')
    vi.unstubAllEnvs()
    expect(request.mock.calls[0]?.[0]).not.toHaveProperty('beforeRedirects.direct')
  })

  it('is sent by the function that http or https has at that moment', async () => {
    const module = (await import(`node:${scheme}`)).default
    const request = vi.spyOn(module, 'request')
    await client.get('http://users/0')
    expect(request).toHaveBeenCalledOnce()
  })
})
