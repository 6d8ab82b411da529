import { createServer } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ProxyError } from '../src/index.ts'
import {
  closeAll,
  deferred,
  expectProblem,
  frameworks,
  listen,
  nobody,
  startEcho,
  startGateway,
  startInstance,
  startRawInstance,
} from './support.ts'

afterEach(closeAll)

describe('retries', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])(
    'a %s that fails on one instance is answered by another',
    async (method) => {
      const failing = await startRawInstance((socket) => socket.destroy())
      const { address, seen } = await startEcho()
      const { url } = await startGateway([failing, address])
      const body = method === 'PUT' || method === 'DELETE' ? { body: 'hello' } : {}
      for (let request = 0; request < 4; request++) expect((await fetch(url, { method, ...body })).status).toBe(200)
      expect(seen.length).toBe(4)
      if ('body' in body) expect(seen.map((each) => each.body)).toEqual(Array.from({ length: 4 }, () => 'hello'))
    },
  )

  it.each([500, 502, 503, 504])(
    'a GET answered %i is tried elsewhere, and the connection is used again',
    async (status) => {
      let connections = 0
      const failing = await startInstance((request, response) => {
        request.socket.once('close', () => connections--)
        response.writeHead(status).end('no'.repeat(1_000))
      })
      const { address } = await startEcho()
      const { url } = await startGateway([failing, address], { lb: { outlierDetection: false } })
      for (let request = 0; request < 6; request++) expect((await fetch(url)).status).toBe(200)
      expect(connections).toBe(0)
    },
  )

  it('the last answer is what the client gets', async () => {
    const failing = await startInstance((_request, response) =>
      response.writeHead(503, { 'x-why': 'busy' }).end('busy'),
    )
    const { url } = await startGateway([failing])
    const response = await fetch(url)
    expect([response.status, response.headers.get('x-why'), await response.text()]).toEqual([503, 'busy', 'busy'])
  })

  it.each([1, 2])('a Retry-After is for the client, with %d instances', async (count) => {
    let requests = 0
    const start = (): Promise<string> =>
      startInstance((_request, response) => {
        requests++
        response.writeHead(503, { 'retry-after': '3' }).end('busy')
      })
    const { url } = await startGateway(await Promise.all(Array.from({ length: count }, start)))
    const response = await fetch(url)
    expect([response.status, response.headers.get('retry-after'), requests]).toEqual([503, '3', count])
  })

  it('a POST is sent again only when it was never sent', async () => {
    const { address, seen } = await startEcho()
    const refused = await startGateway([await nobody(), address])
    for (let request = 0; request < 4; request++) {
      expect((await fetch(refused.url, { method: 'POST', body: 'hello' })).status).toBe(200)
    }
    expect(seen.map(({ body }) => body)).toEqual(['hello', 'hello', 'hello', 'hello'])
    const broken = await startRawInstance((socket) => socket.destroy())
    const { url } = await startGateway([broken, broken.replace('127.0.0.1', 'localhost')])
    await expectProblem(await fetch(url, { method: 'POST', body: 'hello' }), 502)
  })

  it('a body beyond bufferLimit is streamed, and not sent twice', async () => {
    let requests = 0
    const broken = await startRawInstance((socket) => {
      requests++
      socket.destroy()
    })
    const { url } = await startGateway([broken, broken.replace('127.0.0.1', 'localhost')], {
      proxy: { bufferLimit: 10 },
      lb: { retry: { maxRetries: 1 } },
    })
    await expectProblem(await fetch(url, { method: 'PUT', body: 'x'.repeat(11) }), 502)
    expect(requests).toBe(1)
    await expectProblem(await fetch(url, { method: 'PUT', body: 'x'.repeat(10) }), 502)
    expect(requests).toBe(3)
  })

  it('nothing is sent again once the answer has begun', async () => {
    let requests = 0
    const breaking = await startInstance((_request, response) => {
      requests++
      response.write('x'.repeat(100_000), () => response.destroy())
    })
    const { url } = await startGateway([breaking, breaking.replace('127.0.0.1', 'localhost')])
    const response = await fetch(url)
    await expect(response.text()).rejects.toThrow()
    expect(requests).toBe(1)
  })

  it('idempotent says what may be repeated', async () => {
    const failing = await startRawInstance((socket) => socket.destroy())
    const { address } = await startEcho()
    const { url } = await startGateway([failing, address], {
      proxy: { idempotent: ({ headers }) => headers['idempotency-key'] !== undefined },
    })
    for (let request = 0; request < 4; request++) {
      const response = await fetch(url, { method: 'POST', body: 'hello', headers: { 'idempotency-key': 'a' } })
      expect(response.status).toBe(200)
    }
  })
})

describe.each(frameworks)('%s: what the client is told', (framework) => {
  it('502 when no instance gives an answer', async () => {
    const { url } = await startGateway([await nobody()], { framework })
    await expectProblem(await fetch(url), 502)
  })

  it('503 with Retry-After when there is no instance', async () => {
    const { url } = await startGateway([], { framework })
    const response = await fetch(url)
    expect(response.headers.get('retry-after')).toBe('1')
    await expectProblem(response, 503)
  })

  it('504 when the header of the answer is late', async () => {
    const silent = await startInstance(() => {})
    const { url } = await startGateway([silent], { framework, proxy: { responseTimeoutMs: 100 }, lb: { retry: false } })
    await expectProblem(await fetch(url), 504)
  })

  it('what next(error) makes of it, when asked', async () => {
    const { url } = await startGateway([], {
      framework,
      proxy: { errors: 'next' },
      onNext: (error, response) => {
        response.statusCode = 418
        response.end(`${error instanceof ProxyError} ${(error as ProxyError).status}`)
      },
    })
    const response = await fetch(url)
    expect([response.status, await response.text()]).toEqual([418, 'true 503'])
  })
})

describe('what the client is told', () => {
  it('504 when no connection comes about in time', async () => {
    // Listens, and never accepts: the queue of connections is full after a few.
    const { lb, url } = await startGateway(['192.0.2.1:9'], { proxy: { connectTimeoutMs: 100 }, lb: { retry: false } })
    const response = await fetch(url)
    // A machine without a route says so at once.
    expect([502, 504]).toContain(response.status)
    expect(lb.inspect('service').instances[0]?.failed).toBe(1)
  })

  it('a broken connection when the body stalls', async () => {
    const stalling = await startInstance((_request, response) => response.write('x'))
    const { url, lb } = await startGateway([stalling], { proxy: { idleTimeoutMs: 100 } })
    const response = await fetch(url)
    await expect(response.text()).rejects.toThrow()
    await vi.waitFor(() => expect(lb.inspect('service').instances[0]).toMatchObject({ failed: 1, inFlight: 0 }))
  })

  it('503 when the load balancer is full or closed', async () => {
    const ends = deferred()
    const slow = await startInstance((_request, response) => void ends.promise.then(() => response.end()))
    const { url, lb } = await startGateway([slow], { lb: { maxInFlight: 1 } })
    const first = fetch(url)
    await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(1))
    await expectProblem(await fetch(url), 503)
    ends.resolve()
    expect((await first).status).toBe(200)
    await lb.close()
    await expectProblem(await fetch(url), 503)
  })

  it('nothing of addresses or causes', async () => {
    const address = await nobody()
    const { url } = await startGateway([address])
    expect(await (await fetch(url)).text()).not.toMatch(/127\.0\.0\.1|ECONN|service:/)
  })

  it('500, when the body was read before the proxy got it', async () => {
    const { address } = await startEcho()
    const { url } = await startGateway([address], {
      before: (request, _response, next) => void request.on('end', next).resume(),
    })
    await expectProblem(await fetch(url, { method: 'POST', body: 'hello' }), 500)
  })
})

describe('instances that come and go', () => {
  it('one that is removed finishes what is in flight, then its connections are closed', async () => {
    const ends = deferred()
    const closed = deferred()
    const first = await startInstance((request, response) => {
      request.socket.on('close', () => closed.resolve())
      void ends.promise.then(() => response.end('finished'))
    })
    const { address } = await startEcho()
    const { url, lb, discovery } = await startGateway([first])
    const answer = fetch(url)
    await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(1))
    discovery.set('service', [address])
    expect((await fetch(url)).status).toBe(200)
    ends.resolve()
    expect(await (await answer).text()).toBe('finished')
    await closed.promise
  })

  it('no GET fails when one of three is gone at once, with all its connections', async () => {
    const servers = await Promise.all([startEcho(), startEcho(), startEcho()])
    const dying = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => setTimeout(() => socket.resetAndDestroy(), 5))
    })
    const port = await listen(dying)
    const { url } = await startGateway([...servers.map(({ address }) => address), `127.0.0.1:${port}`])
    const answers = await Promise.all(Array.from({ length: 40 }, () => fetch(url)))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
  })
})
