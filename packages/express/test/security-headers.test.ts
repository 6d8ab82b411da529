import { afterEach, describe, expect, it } from 'vitest'
import { closeAll, exchangeBytes, frameworks, startEcho, startGateway, startRawInstance, statuses } from './support.ts'

afterEach(closeAll)

const send = (port: number, fields: string): Promise<string> =>
  exchangeBytes(port, `GET / HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n${fields}\r\n`)

const spoofed =
  'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 444\r\n' +
  'X-Forwarded-Prefix: /evil\r\nX_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n'

describe.each(frameworks)('%s: who the client is', (framework) => {
  it('is what the connection says: nobody who is not trusted can claim otherwise', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { framework })
    await send(port, spoofed)
    expect(seen[0]?.headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'gw.test',
      'x-forwarded-port': '80',
      forwarded: 'for=127.0.0.1;host=gw.test;proto=http',
    })
    expect(JSON.stringify(seen[0]?.rawHeaders)).not.toMatch(/6\.6\.6\.6|7\.7\.7\.7|"444"|evil/i)
  })

  it('is what a trusted proxy says, with its own address added', async () => {
    const { address, seen } = await startEcho()
    const trusting = framework.startsWith('bare')
      ? { proxy: { trustProxy: true } }
      : { set: { 'trust proxy': 'loopback' } }
    const { port } = await startGateway([address], { framework, ...trusting })
    await send(port, spoofed)
    expect(seen[0]?.headers).toMatchObject({
      'x-forwarded-for': '6.6.6.6, 7.7.7.7, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-port': '444',
      'x-forwarded-prefix': '/evil',
      forwarded: 'for=6.6.6.6, for=127.0.0.1;host=gw.test;proto=http',
    })
  })

  it('is asked of trustProxy by address', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { framework, proxy: { trustProxy: (peer) => peer === '10.0.0.1' } })
    await send(port, spoofed)
    expect(seen[0]?.headers['x-forwarded-for']).toBe('127.0.0.1')
  })
})

describe('load reports', () => {
  const asked = 'Endpoint-Load-Metrics-Format: JSON\r\nendpoint-load-metrics-format: BIN\r\n'

  it.each([
    [undefined, 'JSON, BIN'],
    [{ request: true }, 'text'],
    [{ request: 'json' as const }, 'json'],
  ])('are asked for as the gateway is told (%j), not as its client says', async (loadReports, expected) => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { lb: loadReports === undefined ? {} : { loadReports } })
    await send(port, asked)
    await send(port, '')
    const values = seen.map(({ headers }) => headers['endpoint-load-metrics-format'])
    expect(values).toEqual([expected, loadReports === undefined ? undefined : expected])
    expect(seen[0]?.headers.host).toBe(address)
  })
})

describe('hop-by-hop fields', () => {
  it('and those named by Connection stay behind, but not what the proxy says itself or the length', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address])
    const fields =
      'X-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nProxy-Authorization: Basic eA==\r\nTE: trailers, deflate\r\n' +
      'Proxy: http://evil.test\r\nHTTP2-Settings: AAAA\r\nX-Kept: 1\r\n'
    await exchangeBytes(
      port,
      `PUT / HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 2\r\nConnection: close, X-Hop, X-Forwarded-For, Content-Length\r\n${fields}\r\nhi`,
    )
    expect(seen[0]?.body).toBe('hi')
    const { headers } = seen[0] ?? { headers: {} }
    expect(Object.keys(headers).sort()).toEqual(
      [
        'connection',
        'content-length',
        'forwarded',
        'host',
        'te',
        'via',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-port',
        'x-forwarded-proto',
        'x-kept',
      ].sort(),
    )
    expect(headers).toMatchObject({ te: 'trailers', via: '1.1 lb', connection: 'keep-alive', 'content-length': '2' })
  })

  it('of the instance stay behind too', async () => {
    const instance = await startRawInstance((socket) =>
      socket.end(
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\n' +
          'Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Kept: 1\r\nEndpoint-Load-Metrics: TEXT cpu_utilization=1\r\n\r\nhi',
      ),
    )
    const { port } = await startGateway([instance])
    const received = await send(port, '')
    expect(received).toMatch(/X-Kept: 1/)
    expect(received).not.toMatch(/x-hop|timeout=9|proxy-auth|upgrade|load-metrics/i)
    expect(received).toMatch(/Connection: close\r\n/)
  })
})

describe('Via', () => {
  it('names every gateway the request came through', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { proxy: { via: 'edge' } })
    await send(port, 'Via: 1.0 first\r\n')
    expect(seen[0]?.headers.via).toBe('1.0 first, 1.1 edge')
  })
})

describe('answers of a hostile instance', () => {
  const answers: Readonly<Record<string, string>> = {
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc',
    'the same length twice': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab',
    'a length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a malformed length': 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab',
    'an unknown transfer coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab',
    'a bare CR in a value': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: one\rSet-Cookie: a=b\r\n\r\nab',
    'a bare LF in a value': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: one\nSet-Cookie: a=b\r\n\r\nab',
    'a folded field': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: one\r\n two\r\n\r\nab',
    'a NUL in a value': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: o\0ne\r\n\r\nab',
    'a name with a blank': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX A: one\r\n\r\nab',
    'a header without an end': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(40_000)}`,
    'an agreement to an upgrade nobody asked for':
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'no HTTP at all': 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    'a control character in the reason': 'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nab',
  }

  it.each(Object.entries(answers))('%s: 502, and nothing of it is passed on', async (_name, answer) => {
    const instance = await startRawInstance((socket) => socket.end(answer, 'latin1'))
    const { port } = await startGateway([instance], { lb: { retry: false } })
    const received = await send(port, '')
    if (_name === 'a control character in the reason') {
      // The reason means nothing: it is left out when it cannot be written.
      expect(received).not.toContain('\x01')
      return
    }
    expect(statuses(received)).toEqual([502])
    expect(received).not.toMatch(/set-cookie/i)
  })

  it('a second answer behind the first is for nobody', async () => {
    const one = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'
    const instance = await startRawInstance((socket) => socket.write(`${one}ab${one}xx`))
    const { port } = await startGateway([instance])
    const twice = 'GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n'
    const received = await exchangeBytes(port, [twice, `${twice.slice(0, -2)}Connection: close\r\n\r\n`])
    expect(received).not.toContain('xx')
    expect(statuses(received)).toEqual([200, 200])
  })

  it('a body shorter than it says breaks the connection to the client instead of ending well', async () => {
    const instance = await startRawInstance((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab'))
    const { port } = await startGateway([instance], { lb: { retry: false } })
    const response = await fetch(`http://127.0.0.1:${port}/`)
    await expect(response.text()).rejects.toThrow()
  })

  it('a length with 204 is left out', async () => {
    const instance = await startRawInstance((socket) =>
      socket.end('HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n'),
    )
    const { port } = await startGateway([instance], { lb: { retry: false } })
    const received = await send(port, '')
    expect(statuses(received)).toEqual([204])
    expect(received).not.toMatch(/content-length|transfer-encoding/i)
  })
})
