import { FakeClock } from '@lb/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { RegistryError } from '../src/index.ts'
import { clientOf, closeAll, deadUrl, startRawServer, startServer } from './loopback-server.ts'

afterEach(closeAll)

const get = { method: 'GET', path: '/v1/a', query: { q: 'hidden' } } as const

async function errorOf(promise: Promise<unknown>): Promise<RegistryError> {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(RegistryError)
  return error as RegistryError
}

const ok = (): ReturnType<typeof startServer> => startServer((_request, response) => response.end('ok'))
const refusing = (status: number, headers: Record<string, string> = {}): ReturnType<typeof startServer> =>
  startServer((_request, response) => response.writeHead(status, headers).end('no'))

describe('another server is asked', () => {
  it('when one cannot be reached, and the one that answered stays the first choice', async () => {
    const [dead, first, second] = [deadUrl(), await ok(), await ok()]
    const client = clientOf([dead, first.url, second.url])
    for (let count = 0; count < 3; count++) expect((await client.request(get)).server).toBe(first.url)
    first.server.closeAllConnections()
    await new Promise((resolve) => first.server.close(resolve))
    for (let count = 0; count < 3; count++) expect((await client.request(get)).server).toBe(second.url)
    expect(first.asked).toHaveLength(3)
  })

  it.each([
    ['ends the connection without an answer', ''],
    ['sends what is not HTTP', 'hello\r\n\r\n'],
    ['breaks off within the head', 'HTTP/1.1 200 OK\r\nContent-'],
    ['breaks off within the body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345'],
    ['breaks off between chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n'],
    ['sends chunks that are none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['sends two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'],
    ['sends a head without an end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`],
    ['switches protocols', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
  ])('when one %s', async (_what, bytes) => {
    const broken = await startRawServer((socket) => socket.end(bytes))
    const good = await ok()
    expect((await clientOf([broken.url, good.url]).request(get)).server).toBe(good.url)
    const error = await errorOf(clientOf([broken.url]).request(get))
    expect(error.message).toMatch(/^TestDiscovery: no answer to GET \/v1\/a \(http:.*: .+\)$/)
    expect(JSON.stringify([error, error.cause, error.message])).not.toMatch(/hello|hidden/)
  })

  it('and not the one that failed again, as long as the other answers', async () => {
    const [refused, good] = [await refusing(503), await ok()]
    const client = clientOf([refused.url, good.url])
    for (let count = 0; count < 5; count++) await client.request(get)
    expect([refused.asked.length, good.asked.length]).toEqual([1, 5])
  })

  it.each([502, 503, 504])('when one answers %d, unless it is the last', async (status) => {
    const [refused, good] = [await refusing(status), await ok()]
    expect((await clientOf([refused.url, good.url]).request(get)).server).toBe(good.url)
    expect((await clientOf([refused.url, refused.url]).request(get)).status).toBe(status)
    expect((await clientOf([refused.url, (await refusing(500)).url]).request(get)).status).toBe(500)
  })

  it('not when one answers anything else', async () => {
    const [first, second] = [await refusing(500), await ok()]
    expect((await clientOf([first.url, second.url]).request(get)).status).toBe(500)
    expect(second.asked).toEqual([])
  })

  it('for a stream too, until the head of an answer is there', async () => {
    const [dead, refused, good] = [deadUrl(), await refusing(503), await ok()]
    const stream = await clientOf([dead, refused.url, good.url]).stream(get)
    expect([stream.server, stream.status, await stream.text()]).toEqual([good.url, 200, 'ok'])
  })

  it('not when the request names its server, which does not become the first choice', async () => {
    const [dead, first, second] = [deadUrl(), await ok(), await ok()]
    const client = clientOf([first.url, second.url, dead])
    expect((await client.request({ ...get, server: second.url })).server).toBe(second.url)
    expect((await client.request(get)).server).toBe(first.url)
    await errorOf(client.request({ ...get, server: dead }))
    await expect(client.request({ ...get, server: 'http://other:1' })).rejects.toMatchObject({
      code: 'LB_INVALID_OPTION',
    })
  })
})

describe('a request that is not idempotent', () => {
  it('goes to another server when it was never sent', async () => {
    const good = await ok()
    const answer = await clientOf([deadUrl(), good.url]).request({ ...get, idempotent: false })
    expect(answer.server).toBe(good.url)
  })

  it('does not when it may have been carried out', async () => {
    const [broken, good] = [await startRawServer((socket) => socket.end()), await ok()]
    await errorOf(clientOf([broken.url, good.url]).request({ ...get, method: 'POST', idempotent: false }))
    const refused = await refusing(503)
    const answer = await clientOf([refused.url, good.url]).request({ ...get, method: 'POST', idempotent: false })
    expect(answer.status).toBe(503)
    expect(good.asked).toEqual([])
  })

  it('does not when the server is silent', async () => {
    const clock = new FakeClock()
    const silent = await startServer(() => {})
    const good = await ok()
    const client = clientOf([silent.url, good.url], { clock })
    const failed = errorOf(client.request({ ...get, method: 'POST', idempotent: false }))
    await vi.waitFor(() => expect(silent.asked).toHaveLength(1))
    await clock.advance(5_000)
    expect((await failed).message).toContain('no answer within 5000 ms')
    expect(good.asked).toEqual([])
  })
})

describe('when no server answers', () => {
  it('the error says what each of them did, without the query', async () => {
    const [dead, refused, broken] = [
      deadUrl(),
      await refusing(503, { 'retry-after': '7' }),
      await startRawServer((socket) => socket.end('nonsense\r\n\r\n')),
    ]
    const error = await errorOf(clientOf([dead, refused.url, broken.url]).request(get))
    expect(error.message).toContain(`TestDiscovery: no answer to GET /v1/a (${dead}: connect ECONNREFUSED 127.0.0.1`)
    expect(error.message).toContain(`; ${refused.url}: answered 503; ${broken.url}: an answer that is not HTTP)`)
    expect(error).toMatchObject({ code: 'LB_DISCOVERY', status: 503, retryAfterMs: 7_000 })
    expect(error.message).not.toContain('hidden')
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('all of them are asked again the next time', async () => {
    const [first, second] = [await startRawServer((socket) => socket.end()), deadUrl()]
    const client = clientOf([first.url, second])
    for (let count = 0; count < 3; count++) {
      expect((await errorOf(client.request(get))).message).toMatch(/other side closed.*; .*ECONNREFUSED/)
    }
  })
})

describe('the order of servers', () => {
  it('differs between clients, so that a fleet spreads', async () => {
    const servers = [await ok(), await ok(), await ok()]
    const urls = servers.map(({ url }) => url)
    const first = async (random: () => number): Promise<string> =>
      (await clientOf(urls, { random }).request(get)).server
    expect(new Set([await first(() => 0), await first(() => 0.4), await first(() => 0.999)]).size).toBeGreaterThan(1)
  })
})
