import { once } from 'node:events'
import { type ClientRequest, get, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { FakeClock } from '@lb/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  closeAll,
  deferred,
  exchangeBytes,
  frameworks,
  startEcho,
  startGateway,
  startInstance,
  startRawInstance,
  statuses,
} from './support.ts'

afterEach(closeAll)

async function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return response
}

describe.each(frameworks)('%s: what is sent arrives', (framework) => {
  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'MKCALENDAR'])(
    '%s',
    async (method) => {
      const { address, seen } = await startEcho()
      const { url } = await startGateway([address], { framework })
      const body = ['GET', 'HEAD'].includes(method) ? undefined : 'hello'
      const response = await fetch(`${url}/a`, { method, ...(body === undefined ? {} : { body }) })
      expect(response.status).toBe(200)
      expect(seen[0]).toMatchObject({ method, url: '/a', body: body ?? '' })
      if (method !== 'HEAD') expect(await response.json()).toEqual(seen[0])
    },
  )

  it('a body in chunks, and one with a GET', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address], { framework })
    for (const method of ['POST', 'PUT', 'GET']) {
      await exchangeBytes(
        port,
        `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
      )
    }
    expect(seen.map(({ body }) => body)).toEqual(['hello world', 'hello world', 'hello world'])
  })

  it('compressed bodies stay as they are', async () => {
    const zipped = Buffer.from([0x1f, 0x8b, 0, 255, 128, 10, 13])
    const instance = await startInstance((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped)
    })
    const { port } = await startGateway([instance], { framework })
    const response = await answerOf(get({ port, host: '127.0.0.1' }))
    expect(Buffer.concat(await response.toArray())).toEqual(zipped)
  })

  it('repeated fields stay apart, in their order', async () => {
    const instance = await startInstance((_request, response) => {
      response.writeHead(200, ['X-A', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-A', '2']).end('ok')
    })
    const { port } = await startGateway([instance], { framework })
    const response = await answerOf(get({ port, host: '127.0.0.1' }))
    expect(response.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(response.headers['x-a']).toBe('1, 2')
    response.resume()
  })

  it('trailers of the answer, without those that would change what it means', async () => {
    const instance = await startRawInstance((socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a=b\r\n\r\n',
      ),
    )
    const { port } = await startGateway([instance], { framework })
    const response = await answerOf(get({ port, host: '127.0.0.1', headers: { te: 'trailers' } }))
    expect(Buffer.concat(await response.toArray()).toString()).toBe('ab')
    expect(response.headers.trailer).toBe('X-Sum')
    expect(response.trailers).toEqual({ 'x-sum': '7' })
  })

  it.each([
    ['204', 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n', 204],
    ['304', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 5\r\n\r\n', 304],
    ['an answer of HTTP/1.0 without a length', 'HTTP/1.0 200 OK\r\n\r\nhello', 200],
  ])('%s', async (_name, bytes, status) => {
    const instance = await startRawInstance((socket) => socket.end(bytes))
    const { port, lb } = await startGateway([instance], { framework })
    const received = await exchangeBytes(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(statuses(received)).toEqual([status])
    expect(lb.inspect('service').instances[0]).toMatchObject({ inFlight: 0, succeeded: 1, failed: 0 })
    if (status === 200) expect(received).toContain('hello')
    else expect(received).toMatch(/\r\n\r\n$/)
  })

  it.each(['Content-Length: 5', 'Content-Length: 2', 'Transfer-Encoding: gzip', 'Host: x', 'Connection: close'])(
    'an answer ends whole without a trailer that says %s',
    async (trailer) => {
      const instance = await startRawInstance((socket) =>
        socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailer}\r\n\r\n`),
      )
      const { port, lb } = await startGateway([instance], { framework })
      const received = await exchangeBytes(port, 'GET / HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n', 2_000)
      expect(received).toMatch(/\r\n\r\n2\r\nok\r\n0\r\n\r\n$/)
      expect(lb.inspect('service').instances[0]).toMatchObject({ succeeded: 1, failed: 0 })
    },
  )

  it('events arrive one by one behind a middleware that compresses', async () => {
    const next = deferred()
    const instance = await startInstance((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
      void next.promise.then(() => response.end('data: 2\n\n'))
    })
    const { url } = await startGateway([instance], {
      framework,
      before: (_request, response, goOn) => {
        // As `compression` does.
        const held: Uint8Array[] = []
        const write = response.write.bind(response)
        const end = response.end.bind(response)
        response.write = (chunk: Uint8Array) => held.push(chunk) > 0
        const flush = (): void => {
          for (const chunk of held.splice(0)) write(chunk, 'latin1')
        }
        response.end = (chunk?: unknown) => {
          flush()
          return end(chunk)
        }
        Object.assign(response, { flush })
        goOn()
      },
    })
    const body = (await fetch(url)).body?.getReader()
    expect(String(Buffer.from((await body?.read())?.value ?? []))).toBe('data: 1\n\n')
    next.resolve()
    expect(String(Buffer.from((await body?.read())?.value ?? []))).toBe('data: 2\n\n')
  })

  it('HEAD keeps the length and has no body', async () => {
    const instance = await startInstance((_request, response) =>
      response.writeHead(200, { 'content-length': 1_234 }).end(),
    )
    const { port } = await startGateway([instance], { framework })
    const received = await exchangeBytes(port, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(received).toMatch(/content-length: 1234\r\n.*\r\n\r\n$/is)
  })

  it('an answer to HTTP/1.0 has no chunks', async () => {
    const instance = await startInstance((_request, response) => {
      response.write('hel')
      response.end('lo')
    })
    const { port } = await startGateway([instance], { framework })
    const received = await exchangeBytes(port, 'GET / HTTP/1.0\r\n\r\n')
    expect(received).toMatch(/\r\n\r\nhello$/)
    expect(received).not.toMatch(/transfer-encoding/i)
  })
})

describe('middlewares before the proxy', () => {
  it('that wrap writeHead see and change every header', async () => {
    const { address } = await startEcho()
    const { url } = await startGateway([address], {
      before: (_request, response, next) => {
        const writeHead = response.writeHead.bind(response)
        response.writeHead = ((...args: [number]) => {
          response.setHeader('x-seen', String(response.getHeader('content-type')))
          return writeHead(...args)
        }) as typeof writeHead
        next()
      },
    })
    expect((await fetch(url)).headers.get('x-seen')).toBe('application/json')
  })

  it.each(frameworks)('%s: their headers stay, but for those the instance sends too', async (framework) => {
    const instance = await startInstance((_request, response) => {
      response.writeHead(200, ['X-Both', 'instance', 'Vary', 'a', 'vary', 'b']).end('ok')
    })
    const { url } = await startGateway([instance], {
      framework,
      before: (_request, response, next) => {
        response.setHeader('x-both', 'gateway')
        response.setHeader('x-own', 'gateway')
        next()
      },
    })
    const { headers } = await fetch(url)
    expect([headers.get('x-both'), headers.get('x-own'), headers.get('vary')]).toEqual(['instance', 'gateway', 'a, b'])
  })
})

describe('interim answers', () => {
  it('100 comes before the body is sent, and no Expect goes to the instance', async () => {
    const { address, seen } = await startEcho()
    const { port } = await startGateway([address])
    const sent = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 5 },
    })
    sent.flushHeaders()
    await once(sent, 'continue')
    sent.end('hello')
    ;(await answerOf(sent)).resume()
    expect(seen[0]).toMatchObject({ body: 'hello' })
    expect(seen[0]?.headers.expect).toBeUndefined()
  })

  it('102 and 103 of the instance reach the client, and not one of HTTP/1.0', async () => {
    const instance = await startInstance((_request, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'] })
      response.end('done')
    })
    const { port } = await startGateway([instance])
    const received = await exchangeBytes(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(statuses(received)).toEqual([102, 103, 200])
    expect(received).toMatch(/link: <\/a.css>; rel=preload, <\/b.js>; rel=preload/i)
    expect(statuses(await exchangeBytes(port, 'GET / HTTP/1.0\r\n\r\n'))).toEqual([200])
  })
})

describe('streams', () => {
  it('events arrive one by one, the header before the first', async () => {
    const next = deferred()
    const instance = await startInstance((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      void next.promise.then(() => response.write('data: 1\n\n'))
    })
    const { port } = await startGateway([instance])
    const response = await answerOf(get({ port, host: '127.0.0.1' }))
    expect(response.headers['content-type']).toBe('text/event-stream')
    next.resolve()
    expect(String((await once(response, 'data'))[0])).toBe('data: 1\n\n')
  })

  it('a request counts in flight until its body has ended', async () => {
    const ends = deferred()
    const instance = await startInstance((_request, response) => {
      response.write('first')
      void ends.promise.then(() => response.end('last'))
    })
    const { port, lb } = await startGateway([instance])
    const response = await answerOf(get({ port, host: '127.0.0.1' }))
    expect(lb.inspect('service').inFlight).toBe(1)
    ends.resolve()
    expect(Buffer.concat(await response.toArray()).toString()).toBe('firstlast')
    await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))
  })

  it('a client that goes away ends the request to the instance, while it waits for the answer and while it reads', async () => {
    for (const begin of [false, true]) {
      const arrived = deferred()
      const closed = deferred()
      const instance = await startInstance((_request, response) => {
        if (begin) response.write('x'.repeat(1_000))
        arrived.resolve()
        response.on('close', () => closed.resolve())
      })
      const { port, lb } = await startGateway([instance])
      const sent = get({ port, host: '127.0.0.1' })
      sent.on('error', () => {})
      if (begin) (await answerOf(sent)).on('error', () => {})
      await arrived.promise
      sent.destroy()
      await closed.promise
      await vi.waitFor(() =>
        expect(lb.inspect('service').instances[0]).toMatchObject({ inFlight: 0, failed: 0 + Number(!begin) }),
      )
      expect(lb.inspect('service').instances[0]?.state).toBe('available')
    }
  })

  it('a client that goes away while its answer waits for it frees the connection to the instance', async () => {
    const closed = deferred()
    let pieces = 0
    const instance = await startInstance((_request, response) => {
      response.on('close', () => closed.resolve())
      const more = (): void => {
        do pieces++
        while (response.write('x'.repeat(65_536)))
      }
      response.on('drain', more)
      more()
    })
    const { port, lb } = await startGateway([instance])
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(1))
    // Every buffer between the two is full when the instance has written no more for a while.
    let before = 0
    const isStuck = (): void => {
      const [last, now] = [before, pieces]
      before = now
      expect(now).toBe(last)
    }
    await vi.waitFor(isStuck, { interval: 100, timeout: 5_000 })
    socket.destroy()
    await closed.promise
    await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))
  })

  it('a client that does not read is given up after idleTimeoutMs', async () => {
    const clock = new FakeClock()
    const closed = deferred()
    const instance = await startInstance((_request, response) => {
      response.on('close', () => closed.resolve())
      const more = (): void => {
        while (response.write('x'.repeat(65_536)));
      }
      response.on('drain', more)
      more()
    })
    const { port } = await startGateway([instance], { proxy: { clock, idleTimeoutMs: 30_000 } })
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await vi.waitFor(() => expect(clock.pendingTimers).toBeGreaterThan(0))
    await clock.advance(30_000)
    await closed.promise
    socket.destroy()
  })

  it.each([
    ['that goes on', (response: ServerResponse) => setInterval(() => response.write('more'), 1)],
    ['that says nothing more', () => undefined],
  ])('an answer %s is given up when a middleware ends the response', async (_name, goOn) => {
    const instance = await startInstance((_request, response) => {
      response.write('first')
      const timer = goOn(response)
      response.on('close', () => clearInterval(timer))
    })
    const { url, lb } = await startGateway([instance], {
      before: (_request, response, next) => {
        const write = response.write.bind(response)
        response.write = (chunk: unknown) => {
          setImmediate(() => response.end())
          return write(chunk)
        }
        next()
      },
    })
    expect(await (await fetch(url)).text()).toMatch(/^first/)
    await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))
    expect(lb.inspect('service').instances[0]).toMatchObject({ failed: 0 })
  })

  it('an instance that breaks off breaks the connection to the client', async () => {
    const instance = await startInstance((_request, response) => {
      response.write('x'.repeat(100))
      setImmediate(() => response.destroy())
    })
    const { port, lb } = await startGateway([instance])
    const received = await exchangeBytes(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 2_000)
    expect(received).not.toMatch(/\r\n0\r\n\r\n$/)
    await vi.waitFor(() => expect(lb.inspect('service').instances[0]).toMatchObject({ failed: 1 }))
  })

  it('a body the instance does not want to read does not hinder its answer', async () => {
    const instance = await startInstance((_request, response) => {
      response.writeHead(413).end('too large')
    })
    const { url } = await startGateway([instance])
    const response = await fetch(url, { method: 'POST', body: 'x'.repeat(200_000) })
    expect(response.status).toBe(413)
    expect(await response.text()).toBe('too large')
  })
})
