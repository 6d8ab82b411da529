import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasNginx, startNginx } from './nginx.ts'
import {
  closeAll,
  exchangeBytes,
  http1Frameworks,
  type SeenRequest,
  startEcho,
  startGateway,
  statuses,
} from './support.ts'

const host = 'Host: gw.test\r\nConnection: close\r\n'
const get = (target: string, fields = host): string => `GET ${target} HTTP/1.1\r\n${fields}\r\n`
const post = (fields: string, body = '', version = '1.1'): string =>
  `POST / HTTP/${version}\r\n${host}${fields}\r\n\r\n${body}`
const smuggled = get('/smuggled')

interface Attack {
  readonly name: string
  readonly bytes: string
  /** Statuses of the gateway and of nginx; 0: the connection is closed without a word. */
  readonly lb: number
  readonly nginx: number
  /** The request the gateway passes on, when it does; nginx passes on what it answers with 200. */
  readonly passes?: string
}

const attacks: readonly Attack[] = [
  {
    name: 'Content-Length and Transfer-Encoding',
    bytes: post('Content-Length: 6\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled}`),
    lb: 400,
    nginx: 400,
  },
  {
    name: 'Transfer-Encoding and Content-Length',
    bytes: post('Transfer-Encoding: chunked\r\nContent-Length: 3', '0\r\n\r\n'),
    lb: 400,
    nginx: 400,
  },
  {
    name: 'two different Content-Length',
    bytes: post('Content-Length: 5\r\nContent-Length: 6', 'hello!'),
    lb: 400,
    nginx: 400,
  },
  {
    name: 'the same Content-Length twice',
    bytes: post('Content-Length: 5\r\nContent-Length: 5', 'hello'),
    lb: 400,
    nginx: 400,
  },
  { name: 'a list as Content-Length', bytes: post('Content-Length: 5, 5', 'hello'), lb: 400, nginx: 400 },
  { name: 'a signed Content-Length', bytes: post('Content-Length: +5', 'hello'), lb: 400, nginx: 400 },
  { name: 'a negative Content-Length', bytes: post('Content-Length: -5', 'hello'), lb: 400, nginx: 400 },
  { name: 'a hexadecimal Content-Length', bytes: post('Content-Length: 0x5', 'hello'), lb: 400, nginx: 400 },
  {
    name: 'a Content-Length beyond every number',
    bytes: post('Content-Length: 99999999999999999999', 'hello'),
    lb: 400,
    nginx: 400,
  },
  { name: 'an empty Content-Length', bytes: post('Content-Length: ', 'hello'), lb: 400, nginx: 400 },
  {
    name: 'Transfer-Encoding twice',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
    lb: 400,
    nginx: 400,
  },
  { name: 'an unknown transfer coding', bytes: post('Transfer-Encoding: xchunked', '0\r\n\r\n'), lb: 501, nginx: 501 },
  { name: 'two transfer codings', bytes: post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'), lb: 501, nginx: 501 },
  {
    name: 'the transfer coding identity',
    bytes: post('Transfer-Encoding: identity', `\r\n${smuggled}`),
    lb: 501,
    nginx: 501,
  },
  { name: 'a blank before the colon', bytes: post('Transfer-Encoding : chunked', '0\r\n\r\n'), lb: 400, nginx: 400 },
  {
    name: 'a control character before chunked',
    bytes: post('Transfer-Encoding: \x0bchunked', '0\r\n\r\n'),
    lb: 400,
    nginx: 501,
  },
  { name: 'chunks in HTTP/1.0', bytes: post('Transfer-Encoding: chunked', '0\r\n\r\n', '1.0'), lb: 400, nginx: 400 },
  { name: 'a folded field', bytes: get('/', `${host}X-A: one\r\n two\r\n`), lb: 400, nginx: 400 },
  {
    name: 'a folded Transfer-Encoding',
    bytes: post('Transfer-Encoding:\r\n chunked', '0\r\n\r\n'),
    lb: 400,
    nginx: 400,
  },
  { name: 'a bare CR in a value', bytes: get('/', `${host}X-A: one\rX-B: two\r\n`), lb: 400, nginx: 400 },
  { name: 'lines that end with a bare LF', bytes: get('/', `${host}X-A: one\nX-B: two\r\n`), lb: 400, nginx: 200 },
  { name: 'a NUL in a value', bytes: get('/', `${host}X-A: o\0ne\r\n`), lb: 400, nginx: 400 },
  {
    name: 'a chunk extension that ends with a bare LF',
    bytes: post('Transfer-Encoding: chunked', '5;a\nhello\r\n0\r\n\r\n'),
    lb: 400,
    nginx: 200,
  },
  {
    name: 'a malformed chunk size',
    bytes: post('Transfer-Encoding: chunked', '5x\r\nhello\r\n0\r\n\r\n'),
    lb: 400,
    nginx: 400,
  },
  {
    name: 'a chunk size with a prefix',
    bytes: post('Transfer-Encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n'),
    lb: 400,
    nginx: 400,
  },
  {
    name: 'a chunk longer than it says',
    bytes: post('Transfer-Encoding: chunked', '5\r\nhelloXX\r\n0\r\n\r\n'),
    lb: 400,
    nginx: 400,
  },
  { name: 'no Host', bytes: get('/', ''), lb: 400, nginx: 400 },
  { name: 'two Host', bytes: get('/', `${host}Host: evil.test\r\n`), lb: 400, nginx: 400 },
  { name: 'a Host with a path', bytes: get('/', 'Host: a/b\r\nConnection: close\r\n'), lb: 400, nginx: 400 },
  { name: 'a Host with a malformed port', bytes: get('/', 'Host: a:b\r\nConnection: close\r\n'), lb: 400, nginx: 200 },
  { name: 'an authority with a malformed port', bytes: get('http://a:b/', host), lb: 400, nginx: 400 },
  { name: 'a Host with user information', bytes: get('/', 'Host: a@b\r\nConnection: close\r\n'), lb: 400, nginx: 200 },
  { name: 'a name with a blank', bytes: get('/', `${host}X A: b\r\n`), lb: 400, nginx: 400 },
  { name: 'a line without a colon', bytes: get('/', `${host}nonsense\r\n`), lb: 400, nginx: 200 },
  { name: 'the absolute form', bytes: get('http://gw.test/a?b'), lb: 200, nginx: 200, passes: '/a?b' },
  { name: 'the absolute form of another host', bytes: get('http://evil.test/a'), lb: 200, nginx: 200, passes: '/a' },
  {
    name: 'a path that begins with two slashes',
    bytes: get('//evil.test/a'),
    lb: 200,
    nginx: 200,
    passes: '//evil.test/a',
  },
  { name: '.. in the path', bytes: get('/a/../b'), lb: 400, nginx: 200 },
  { name: '.. above the root', bytes: get('/../b'), lb: 400, nginx: 400 },
  { name: 'an encoded ..', bytes: get('/a/%2e%2E/b'), lb: 400, nginx: 200 },
  { name: 'a .. before an encoded slash', bytes: get('/a/..%2fb'), lb: 400, nginx: 200 },
  { name: 'a .. between backslashes', bytes: get('/a\\..\\b'), lb: 400, nginx: 200 },
  { name: 'a .. with a path parameter', bytes: get('/a/..;/b'), lb: 400, nginx: 200 },
  { name: 'an encoded slash', bytes: get('/a%2Fb'), lb: 200, nginx: 200, passes: '/a%2Fb' },
  {
    name: 'dots that are a name',
    bytes: get('/.well-known/...?../'),
    lb: 200,
    nginx: 200,
    passes: '/.well-known/...?../',
  },
  { name: 'a fragment', bytes: get('/a#b'), lb: 400, nginx: 200 },
  { name: 'a blank in the path', bytes: get('/a b'), lb: 400, nginx: 400 },
  { name: 'a byte above ASCII in the path', bytes: get('/\xe9'), lb: 400, nginx: 400 },
  { name: 'a path without a slash', bytes: get('a'), lb: 400, nginx: 400 },
  { name: 'the asterisk form', bytes: `OPTIONS * HTTP/1.1\r\n${host}\r\n`, lb: 400, nginx: 400 },
  { name: 'CONNECT', bytes: 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n', lb: 0, nginx: 400 },
  { name: 'TRACE', bytes: `TRACE / HTTP/1.1\r\n${host}\r\n`, lb: 405, nginx: 405 },
  { name: 'a header of 40 000 bytes', bytes: get('/', `${host}X-A: ${'a'.repeat(40_000)}\r\n`), lb: 431, nginx: 400 },
  { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', lb: 400, nginx: 400 },
]

describe.each(['express 5', 'express 4', 'bare node:http'] as const)(
  '%s, with requests that could be read in two ways',
  (framework) => {
    let port = 0
    let seen: SeenRequest[] = []

    beforeAll(async () => {
      // The most gullible instance: what it sees would be the attack.
      const echo = await startEcho({ insecureHTTPParser: true })
      seen = echo.seen
      port = (await startGateway([echo.address], { framework })).port
    })
    afterAll(closeAll)

    it.each(attacks)('$name: $lb', async ({ bytes, lb, passes }) => {
      seen.length = 0
      const received = await exchangeBytes(port, bytes)
      expect(statuses(received)).toEqual(lb === 0 ? [] : [lb])
      expect(seen.map(({ url }) => url)).toEqual(passes === undefined ? [] : [passes])
    })
  },
)

// What is not there cannot be compared with; on CI it must be.
describe('nginx with the same bytes', () => {
  if (!hasNginx) {
    it('is installed (scripts/install-test-servers.sh)', () => {
      console.error('nginx is not installed: the comparison of security-requests.test.ts DID NOT RUN')
      expect(process.env.CI, 'nginx is missing').toBeFalsy()
    })
    return
  }
  let port = 0
  let seen: SeenRequest[] = []

  beforeAll(async () => {
    const echo = await startEcho({ insecureHTTPParser: true })
    seen = echo.seen
    port = await startNginx(echo.address)
  })
  afterAll(closeAll)

  it.each(attacks)('$name: $nginx, never more lenient than the gateway is here', async ({ bytes, lb, nginx }) => {
    seen.length = 0
    const received = await exchangeBytes(port, bytes)
    expect(statuses(received)).toEqual([nginx])
    if (lb === 200) expect(nginx).toBe(200)
  })
})

describe('a server whose parser was told to be lenient', () => {
  afterEach(closeAll)

  it.each(attacks.filter(({ name }) => /Content-Length|Transfer-Encoding|transfer coding|HTTP\/1.0/.test(name)))(
    '$name: nothing is passed on that another could read otherwise',
    async ({ bytes }) => {
      const { address, seen } = await startEcho({ insecureHTTPParser: true })
      const { port } = await startGateway([address], { server: { insecureHTTPParser: true } })
      await exchangeBytes(port, bytes, 100)
      // One that the parser read as harmless is written anew, with one length.
      for (const { rawHeaders } of seen) {
        const lengths = rawHeaders.filter(
          (each, index) => index % 2 === 0 && /^(?:content-length|transfer-encoding)$/i.test(each),
        )
        expect(lengths.length).toBeLessThanOrEqual(1)
      }
      expect(seen.some(({ url }) => url === '/smuggled')).toBe(false)
    },
  )
})

describe.each(http1Frameworks)('%s: after a refusal', (framework) => {
  const pay = 'POST /pay HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 0\r\n\r\n'

  it.each([
    ['a path', 'GET /../x HTTP/1.1\r\nHost: gw.test\r\n\r\n', 400],
    ['a coding', `POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
    ['a method', 'TRACE / HTTP/1.1\r\nHost: gw.test\r\n\r\n', 405],
  ])('of %s nothing more of the connection is carried out', async (_what, refused, status) => {
    for (const errors of ['respond', 'next'] as const) {
      const { address, seen } = await startEcho()
      const { port } = await startGateway([address], {
        framework,
        proxy: { errors },
        ...(framework.startsWith('bare')
          ? { onNext: (error: unknown, response) => response.writeHead((error as { status: number }).status).end() }
          : {}),
      })
      const received = await exchangeBytes(port, refused + pay + pay, 2_000)
      expect([statuses(received), /^Connection: close\r$/m.test(received)]).toEqual([[status], true])
      expect(seen).toEqual([])
    }
  })

  it('requests that came before are answered', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { framework })
    const bytes = `GET /a HTTP/1.1\r\nHost: gw.test\r\n\r\nGET /../x HTTP/1.1\r\nHost: gw.test\r\n\r\n${pay}`
    expect(statuses(await exchangeBytes(port, bytes, 2_000))).toEqual([200, 400])
    expect(seen.map(({ url }) => url)).toEqual(['/a'])
  })
})

describe('slow clients', () => {
  afterEach(closeAll)

  it('a header that does not end is cut off by the server, and reaches no instance', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], {
      server: { headersTimeout: 200, requestTimeout: 300, connectionsCheckingInterval: 50 },
    })
    const received = await exchangeBytes(port, 'GET / HTTP/1.1\r\nHost: gw.test\r\nX-A: ', 2_000)
    expect(statuses(received)).toEqual([408])
    expect(seen).toEqual([])
  })

  it('a body that does not end is cut off, and holds no connection to an instance', async () => {
    const { address, seen } = await startEcho()
    const { port, lb } = await startGateway([address], {
      server: { headersTimeout: 200, requestTimeout: 300, connectionsCheckingInterval: 50 },
    })
    await exchangeBytes(port, post('Content-Length: 10', 'hel'), 2_000)
    expect(seen).toEqual([])
    expect(lb.inspect('service').instances[0]).toMatchObject({ inFlight: 0, ejections: 0 })
  })
})
