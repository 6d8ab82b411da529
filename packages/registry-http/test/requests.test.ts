import { afterEach, describe, expect, it } from 'vitest'
import { clientOf, closeAll, json, startRawServer, startServer } from './loopback-server.ts'

afterEach(closeAll)

describe('a request', () => {
  it('carries method, path, query and headers', async () => {
    const { url, asked } = await startServer((_request, response) => json(response, { ok: true }))
    const answer = await clientOf([`${url}/base/`]).request({
      method: 'GET',
      path: '/v1/health/service/a%2Fb',
      query: { passing: true, wait: '5 s', index: 7, near: undefined, 'a&b': 'ü=1' },
      headers: { 'X-Token': 'secret', 'x-none': undefined },
    })
    expect(answer).toMatchObject({ status: 200, text: '{"ok":true}', server: `${url}/base/` })
    expect(answer.json()).toEqual({ ok: true })
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({
      method: 'GET',
      url: '/base/v1/health/service/a%2Fb?passing&wait=5%20s&index=7&a%26b=%C3%BC%3D1',
      headers: { 'x-token': 'secret', 'accept-encoding': 'identity' },
    })
    expect(asked[0]?.headers).not.toHaveProperty('x-none')
  })

  it.each([
    ['an object as JSON', { name: 'ü' }, 'application/json', '{"name":"ü"}'],
    ['a form', new URLSearchParams({ a: '1 2', b: 'ü' }), 'application/x-www-form-urlencoded', 'a=1+2&b=%C3%BC'],
    ['a text as it is', 'plain', undefined, 'plain'],
    ['nothing', undefined, undefined, ''],
  ])('sends %s', async (_what, body, type, sent) => {
    const { url, asked } = await startServer((_request, response) => response.end())
    await clientOf([url]).request({ method: 'PUT', path: '/', ...(body !== undefined && { body }) })
    expect(asked[0]?.body).toBe(sent)
    expect(asked[0]?.headers['content-type']).toBe(type)
    expect(asked[0]?.headers['content-length']).toBe(String(Buffer.byteLength(sent)))
  })

  it('leaves the type of the body to the headers that were given', async () => {
    const { url, asked } = await startServer((_request, response) => response.end())
    const headers = { 'Content-Type': 'application/merge-patch+json' }
    await clientOf([url]).request({ method: 'POST', path: '/', body: {}, headers })
    expect(asked[0]?.headers['content-type']).toBe('application/merge-patch+json')
  })

  it.each(['no-slash', '/a?b', '/a#b', '/a b', '/a/../b', '/..', '/./a'])('refuses the path %s', async (path) => {
    const { url, asked } = await startServer((_request, response) => response.end())
    await expect(clientOf([url]).request({ method: 'GET', path })).rejects.toMatchObject({ code: 'LB_INVALID_OPTION' })
    expect(asked).toEqual([])
  })

  it('refuses a header that would be two', async () => {
    const { url, asked } = await startServer((_request, response) => response.end())
    const headers = { 'x-token': 'secret\r\nx-more: 1' }
    const error = await clientOf([url])
      .request({ method: 'GET', path: '/', headers })
      .catch((cause: unknown) => cause)
    expect(String(error)).toContain('invalid x-token header')
    expect(String(error)).not.toContain('secret')
    expect(asked).toEqual([])
  })
})

describe('an answer', () => {
  it('is an answer, whatever its status', async () => {
    const { url } = await startServer((request, response) => response.writeHead(Number(request.url?.slice(1))).end('x'))
    const client = clientOf([url])
    for (const status of [200, 201, 301, 307, 400, 403, 404, 409, 429, 500, 502, 503, 504]) {
      expect(await client.request({ method: 'GET', path: `/${status}` })).toMatchObject({ status, text: 'x' })
    }
  })

  it('that is a redirect is not followed', async () => {
    const { url, asked } = await startServer((_request, response) => response.writeHead(302, { location: '/b' }).end())
    const answer = await clientOf([url]).request({ method: 'GET', path: '/a' })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/b'])
    expect(asked).toHaveLength(1)
  })

  it('gives of a repeated header the first, and hostile names do no harm', async () => {
    const head = 'HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\n__proto__: 3\r\nconstructor: 4\r\nContent-Length: 2\r\n\r\n{}'
    const { url } = await startRawServer((socket) => socket.write(head))
    const { headers, text } = await clientOf([url]).request({ method: 'GET', path: '/' })
    expect(headers.get('x-a')).toBe('1')
    expect(headers.get('constructor')).toBe('4')
    expect(text).toBe('{}')
    expect(Object.hasOwn(Object.prototype, 'x-a')).toBe(false)
  })

  it('after one that was only provisional is the real one', async () => {
    const { url } = await startRawServer((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx'), 50)
    })
    expect(await clientOf([url]).request({ method: 'GET', path: '/' })).toMatchObject({ status: 200, text: 'x' })
  })

  it('whose characters are cut anywhere is read right, without a byte order mark', async () => {
    const body = Buffer.from('\uFEFF{"name":"Größe €😀"}')
    const { url } = await startRawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      for (const byte of body) socket.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.of(byte), Buffer.from('\r\n')]))
      socket.write('0\r\n\r\n')
    })
    expect((await clientOf([url]).request({ method: 'GET', path: '/' })).json()).toEqual({ name: 'Größe €😀' })
  })

  it('that is not JSON says so without showing it', async () => {
    const { url } = await startServer((_request, response) => response.end('secret'))
    const answer = await clientOf([url]).request({ method: 'GET', path: '/v1/a', query: { q: 'hidden' } })
    expect(() => answer.json()).toThrow(`TestDiscovery: ${url}/v1/a answered 200 with a body that is not JSON`)
  })

  it.each([
    ['declared', { 'content-length': '1001' }, 1],
    ['found', { 'transfer-encoding': 'chunked' }, 1_001],
  ] as const)('that is too large, as is %s, is refused, and the connection ended', async (_how, headers, sent) => {
    const { url, server } = await startServer((_request, response) => {
      response.writeHead(200, headers)
      response.write('x'.repeat(sent))
    })
    const closed = new Promise((resolve) => {
      server.on('connection', (socket) => socket.on('close', resolve))
    })
    const client = clientOf([url], { maxAnswerBytes: 1_000 })
    await expect(client.request({ method: 'GET', path: '/v1' })).rejects.toThrow(
      `TestDiscovery: ${url}/v1: the answer has more than 1000 bytes`,
    )
    await closed
  })

  it('as large as is allowed is taken', async () => {
    const { url } = await startServer((_request, response) => response.end('x'.repeat(1_000)))
    const client = clientOf([url], { maxAnswerBytes: 1_000 })
    expect((await client.request({ method: 'GET', path: '/' })).text).toHaveLength(1_000)
  })

  it('with an unwanted status makes an error that says what is known, in one line', () => {
    const client = clientOf(['http://127.0.0.1:1'])
    const answer = { status: 429, server: 'http://127.0.0.1:1', headers: new Map([['retry-after', '3']]) }
    const error = client.error(answer, '/v1/a', 'slow\r\ndown')
    expect(error.message).toBe('TestDiscovery: http://127.0.0.1:1 answered 429 to /v1/a: slow down')
    expect(error).toMatchObject({ code: 'LB_DISCOVERY', status: 429, retryAfterMs: 3_000 })
    expect(client.error({ ...answer, headers: new Map() }, '/').retryAfterMs).toBeUndefined()
    expect(client.error(answer, '/', 'x'.repeat(1_000)).message.length).toBeLessThan(400)
  })
})
