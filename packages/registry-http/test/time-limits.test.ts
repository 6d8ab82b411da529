import { FakeClock } from '@lb/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { clientOf, closeAll, startRawServer, startServer } from './loopback-server.ts'

afterEach(closeAll)

const waiting = Promise.resolve('waiting')
const get = { method: 'GET', path: '/' } as const

describe('a server that does not answer', () => {
  it('has failed after timeoutMs, and its connection is ended', async () => {
    const clock = new FakeClock()
    let requests = 0
    const { url, sockets } = await startRawServer(() => requests++)
    const failed = clientOf([url], { clock, timeoutMs: 1_000 }).request(get).catch(String)
    await vi.waitFor(() => expect(requests).toBe(1))
    await clock.advance(999)
    expect(await Promise.race([failed, waiting])).toBe('waiting')
    await clock.advance(1)
    expect(await failed).toContain('no answer within 1000 ms')
    await vi.waitFor(() => expect(sockets.size).toBe(0))
    expect(clock.pendingTimers).toBe(0)
  })

  it('has failed when it stops within the body', async () => {
    const clock = new FakeClock()
    let sent = false
    const { url } = await startServer((_request, response) => {
      response.write('half')
      sent = true
    })
    const failed = clientOf([url], { clock }).request(get).catch(String)
    await vi.waitFor(() => expect(sent).toBe(true))
    await clock.advance(5_000)
    expect(await failed).toContain('no answer within 5000 ms')
  })

  it('leaves its time to the next one, which gets as much', async () => {
    const clock = new FakeClock()
    const [first, second] = [await startServer(() => {}), await startServer(() => {})]
    const failed = clientOf([first.url, second.url], { clock })
      .request({ ...get, timeoutMs: 300 })
      .catch(String)
    await vi.waitFor(() => expect(first.asked).toHaveLength(1))
    await clock.advance(300)
    await vi.waitFor(() => expect(second.asked).toHaveLength(1))
    await clock.advance(299)
    expect(await Promise.race([failed, waiting])).toBe('waiting')
    await clock.advance(1)
    expect(await failed).toMatch(/no answer within 300 ms; .*no answer within 300 ms/)
    expect(clock.pendingTimers).toBe(0)
  })

  it('may take as long as the request says', async () => {
    const clock = new FakeClock()
    const { url, asked } = await startServer((_request, response) => {
      void clock.advance(60_000).then(() => response.end('late'))
    })
    const answer = await clientOf([url], { clock }).request({ ...get, timeoutMs: 66_000 })
    expect([answer.text, asked.length]).toEqual(['late', 1])
  })
})

describe('timers', () => {
  it('keep the process alive only for those who wait', async () => {
    const clock = new FakeClock()
    const { url, asked } = await startServer(() => {})
    const client = clientOf([url], { clock })
    const waiting = client.request(get).catch(() => {})
    expect(clock.pendingForegroundTimers).toBe(1)
    const watching = client.request({ ...get, background: true }).catch(() => {})
    expect(clock.pendingForegroundTimers).toBe(1)
    await vi.waitFor(() => expect(asked).toHaveLength(2))
    await client.close()
    await Promise.all([waiting, watching])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a connection', () => {
  it('that is not made is given up, also by close', async () => {
    const clock = new FakeClock()
    // The handshake of TLS never comes.
    const { url, sockets } = await startRawServer(() => {})
    const client = clientOf([url.replace('http:', 'https:')], { clock, timeoutMs: 1_000 })
    const failed = client.request({ ...get, timeoutMs: 60_000 }).catch(String)
    await vi.waitFor(() => expect(sockets.size).toBe(1))
    await clock.advance(1_000)
    expect(await failed).toContain('not connected within 1000 ms')
    await vi.waitFor(() => expect(sockets.size).toBe(0))
    const closed = client.request(get).catch(String)
    await vi.waitFor(() => expect(sockets.size).toBe(1))
    await client.close()
    expect(await closed).toContain('TestDiscovery was closed')
    await vi.waitFor(() => expect(sockets.size).toBe(0))
    expect(clock.pendingTimers).toBe(0)
  })

  it('is not made any more when the client is closed before it began', async () => {
    const { url, sockets } = await startRawServer(() => {})
    const client = clientOf([url.replace('http:', 'https:')])
    const closed = client.request(get).catch(String)
    await client.close()
    expect(await closed).toContain('TestDiscovery was closed')
    // A later one, which is seen after it.
    const fence = clientOf([url])
    const fenced = fence.request(get).catch(() => {})
    await vi.waitFor(() => expect(sockets.size).toBe(1))
    await fence.close()
    await fenced
    await vi.waitFor(() => expect(sockets.size).toBe(0))
  })

  it('is kept for the next request, and none is made beyond maxConnections', async () => {
    let open = 0
    let most = 0
    const { url, server } = await startServer((_request, response) => response.end())
    server.on('connection', (socket) => {
      open++
      most = Math.max(most, open)
      socket.on('close', () => open--)
    })
    const client = clientOf([url], { maxConnections: 2 })
    await Promise.all(Array.from({ length: 20 }, () => client.request(get)))
    expect(most).toBe(2)
  })

  it('that the server ends after each answer is made anew', async () => {
    const { url, asked } = await startServer((_request, response) =>
      response.writeHead(200, { connection: 'close' }).end('x'),
    )
    const client = clientOf([url], { maxConnections: 2 })
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.request(get)))
    expect(answers.every(({ text }) => text === 'x')).toBe(true)
    expect(asked).toHaveLength(20)
  })

  it('is not made again after a request was given up', async () => {
    const { url, asked, server } = await startServer(() => {})
    let connections = 0
    const ended = new Promise((resolve) => {
      server.on('connection', (socket) => {
        connections++
        socket.on('close', resolve)
      })
    })
    const client = clientOf([url])
    const controller = new AbortController()
    const aborted = client.request({ ...get, signal: controller.signal }).catch(() => {})
    await vi.waitFor(() => expect(asked).toHaveLength(1))
    controller.abort()
    await aborted
    await ended
    // Its connection would be there before that of this request.
    const other = client.request(get).catch(() => {})
    await vi.waitFor(() => expect(asked).toHaveLength(2))
    expect(connections).toBe(2)
    await client.close()
    await other
  })

  it('that is waited for in vain costs nothing when its turn comes', async () => {
    const clock = new FakeClock()
    const { url, asked, server } = await startServer((request, response) => {
      if (request.url === '/fast') response.end('fast')
    })
    let connections = 0
    server.on('connection', () => connections++)
    const client = clientOf([url], { maxConnections: 1, clock })
    const controller = new AbortController()
    const first = client
      .request({ ...get, path: '/slow', timeoutMs: 60_000, signal: controller.signal })
      .catch(() => {})
    await vi.waitFor(() => expect(asked).toHaveLength(1))
    const queued = client.request({ ...get, path: '/queued', timeoutMs: 10 }).catch(String)
    await clock.advance(10)
    expect(await queued).toContain('no answer within 10 ms')
    const last = client.request({ ...get, path: '/fast' })
    controller.abort()
    await first
    expect((await last).text).toBe('fast')
    expect(asked.map(({ url: path }) => path)).toEqual(['/slow', '/fast'])
    expect(connections).toBe(2)
  })
})
