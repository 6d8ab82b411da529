import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  closeAll,
  deferred,
  exchangeBytes,
  frameworks,
  startEcho,
  startGateway,
  startRawInstance,
  statuses,
} from './support.ts'
import { handshake, openWebSocket as open, startWebSocketEcho } from './web-sockets.ts'

afterEach(closeAll)

describe.each(frameworks)('%s: WebSockets', (framework) => {
  it('go both ways, below the prefix, beside plain requests', async () => {
    const { address, urls, headers } = await startWebSocketEcho()
    const { url } = await startGateway([address], { framework, proxy: { prefix: '/chat' } })
    const socket = await open(`${url}/chat/room?a=b`)
    for (const message of ['hello', 'x'.repeat(300_000)]) {
      socket.send(message)
      expect(String((await once(socket, 'message'))[0])).toBe(message)
    }
    expect(urls).toEqual(['/room?a=b'])
    expect(headers[0]).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': expect.stringMatching(/^127/),
      via: '1.1 lb',
    })
    expect(await (await fetch(`${url}/chat/`)).text()).toBe('http')
  })
})

describe('an upgraded connection', () => {
  it('counts in flight until it is closed, by either side', async () => {
    const { address } = await startWebSocketEcho()
    const { url, lb } = await startGateway([address])
    const inFlight = (): number => lb.inspect('service').inFlight
    for (const close of ['close', 'terminate'] as const) {
      const socket = await open(url)
      expect(inFlight()).toBe(1)
      socket[close]()
      await vi.waitFor(() => expect(inFlight()).toBe(0))
    }
    expect(lb.inspect('service').instances[0]).toMatchObject({ succeeded: 2, failed: 0 })
  })

  it('ends with the instance', async () => {
    const instance = await startRawInstance((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes')
      setTimeout(() => socket.destroy(), 20)
    })
    const { port, lb } = await startGateway([instance])
    const received = await exchangeBytes(port, handshake('/'), 2_000)
    expect(statuses(received)).toEqual([101])
    expect(received).toMatch(/\r\n\r\nbytes$/)
    await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))
  })

  it('gets what the client sent before it was asked to', async () => {
    const got = deferred<string>()
    const instance = await startRawInstance((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.removeAllListeners('data').once('data', (chunk: Buffer) => got.resolve(chunk.toString()))
    })
    const { port } = await startGateway([instance])
    void exchangeBytes(port, `${handshake('/')}early`)
    expect(await got.promise).toBe('early')
  })
})

describe('an upgrade', () => {
  it('moves on to another instance when the first is not there', async () => {
    const dead = await startRawInstance((socket) => socket.destroy())
    const { address } = await startWebSocketEcho()
    const { url } = await startGateway([dead, address])
    await Promise.all([open(url), open(url), open(url)])
  })

  it('that the instance refuses is answered as it answers', async () => {
    const { address } = await startEcho()
    const { port } = await startGateway([address])
    const received = await exchangeBytes(port, handshake('/a'), 2_000)
    expect(statuses(received)).toEqual([200])
    expect(received).toContain('"url":"/a"')
    expect(received).toMatch(/Connection: close/i)
  })

  it.each([
    ['one with a body', handshake('/').replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\nhello'), 400],
    ['one by POST', handshake('/').replace('GET', 'POST'), 400],
    ['one with .. in its path', handshake('/a/../b'), 400],
    ['one with two Host', handshake('/').replace('Host:', 'Host: b\r\nHost:'), 400],
    ['one without Host', handshake('/').replace('Host: gw.test\r\n', ''), 400],
    ['one with more fields than Node keeps', handshake('/').replace('\r\n', `\r\n${'a:\r\n'.repeat(995)}`), 431],
  ])('%s is refused, and reaches no instance', async (_name, bytes, status) => {
    const { address, urls } = await startWebSocketEcho()
    const { port } = await startGateway([address])
    expect(statuses(await exchangeBytes(port, bytes, 2_000))).toEqual([status])
    expect(urls).toEqual([])
  })

  it('without an instance is answered 503', async () => {
    const { port } = await startGateway([])
    expect(statuses(await exchangeBytes(port, handshake('/'), 2_000))).toEqual([503])
  })

  it('is refused by a hook', async () => {
    const { address, urls } = await startWebSocketEcho()
    const { port } = await startGateway([address], {
      proxy: {
        onRequest: () => {
          throw Object.assign(new Error('no'), { statusCode: 401 })
        },
      },
    })
    expect(statuses(await exchangeBytes(port, handshake('/'), 2_000))).toEqual([401])
    expect(urls).toEqual([])
  })

  it('an answer that would split the header is refused', async () => {
    const instance = await startRawInstance((socket) =>
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: a\rX-B: c\r\n\r\n',
      ),
    )
    const { port } = await startGateway([instance], { lb: { retry: false } })
    const received = await exchangeBytes(port, handshake('/'), 2_000)
    expect(statuses(received)).toEqual([502])
  })
})
