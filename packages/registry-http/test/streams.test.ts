import type { ServerResponse } from 'node:http'
import { FakeClock } from '@lb/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { RegistryError, type RegistryStream } from '../src/index.ts'
import { clientOf, closeAll, startRawServer, startServer } from './loopback-server.ts'

afterEach(closeAll)

const get = { method: 'GET', path: '/watch' } as const

/** A server with one answer that the test writes. */
async function startWriter(): Promise<{ url: string; answer: Promise<ServerResponse>; ended: Promise<void> }> {
  let begun: (response: ServerResponse) => void = () => {}
  let over: () => void = () => {}
  const answer = new Promise<ServerResponse>((resolve) => {
    begun = resolve
  })
  const ended = new Promise<void>((resolve) => {
    over = resolve
  })
  const { url } = await startServer((request, response) => {
    request.socket.on('close', over)
    response.flushHeaders()
    begun(response)
  })
  return { url, answer, ended }
}

async function collect(stream: RegistryStream): Promise<{ lines: string[]; error?: unknown }> {
  const lines: string[] = []
  try {
    for await (const line of stream.lines()) lines.push(line)
    return { lines }
  } catch (error) {
    return { lines, error }
  }
}

describe('the lines of a stream', () => {
  it('come as they are written, however they are cut', async () => {
    const { url, answer } = await startWriter()
    const stream = await clientOf([url]).stream(get)
    const lines = stream.lines()
    const response = await answer
    response.write('{"a":1}\n{"b":')
    expect(await lines.next()).toEqual({ value: '{"a":1}', done: false })
    const next = lines.next()
    response.write('2}\r\n\n\r\n{"c"')
    expect(await next).toEqual({ value: '{"b":2}', done: false })
    response.end(':3}')
    expect(await lines.next()).toEqual({ value: '{"c":3}', done: false })
    expect(await lines.next()).toEqual({ value: undefined, done: true })
  })

  it('end with an error when the connection breaks, after what was complete, and without what was not', async () => {
    const { url, answer } = await startWriter()
    const stream = await clientOf([url]).stream(get)
    const response = await answer
    response.write('one\ntwo\nthr')
    const lines = stream.lines()
    expect((await lines.next()).value).toBe('one')
    response.destroy()
    expect((await lines.next()).value).toBe('two')
    await expect(lines.next()).rejects.toThrow(/^TestDiscovery: http:.*\/watch: the answer broke off: /)
    expect(await lines.next()).toEqual({ value: undefined, done: true })
  })

  it('end with an error when one is too long, and the request is aborted', async () => {
    const { url, answer, ended } = await startWriter()
    const stream = await clientOf([url], { maxAnswerBytes: 10 }).stream(get)
    ;(await answer).write('1234567890\r\n123456789012')
    const { lines, error } = await collect(stream)
    expect(lines).toEqual(['1234567890'])
    expect(error).toBeInstanceOf(RegistryError)
    expect(String(error)).toContain(`${url}/watch: a line of more than 10 bytes`)
    await ended
  })

  it('may come to far more than one answer may', async () => {
    const { url, answer } = await startWriter()
    const stream = await clientOf([url], { maxAnswerBytes: 1_000 }).stream(get)
    ;(await answer).end('123456789\n'.repeat(200_000))
    expect((await collect(stream)).lines).toHaveLength(200_000)
  })

  it('are not read faster than they are taken', async () => {
    let written = 0
    const { url } = await startRawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const piece = Buffer.from(`2710\r\n${'x'.repeat(9_999)}\n\r\n`)
      const more = (): void => {
        while (written < 50_000_000) {
          written += piece.length
          if (!socket.write(piece)) {
            socket.once('drain', more)
            return
          }
        }
        socket.end('0\r\n\r\n')
      }
      more()
    })
    const stream = await clientOf([url]).stream(get)
    const lines = stream.lines()
    await lines.next()
    // What the sockets of both sides hold is written, and no more.
    let before = -1
    await vi.waitFor(
      () => {
        const isStill = before === written
        before = written
        expect(isStill).toBe(true)
      },
      { interval: 200, timeout: 5_000 },
    )
    expect(written).toBeLessThan(40_000_000)
    let count = 1
    for await (const line of lines) count += line.length === 9_999 ? 1 : 0
    expect(count).toBeGreaterThan(4_900)
  })
})

describe('a stream', () => {
  it('that is left ends the request', async () => {
    const { url, answer, ended } = await startWriter()
    const stream = await clientOf([url]).stream(get)
    ;(await answer).write('one\ntwo\n')
    for await (const line of stream.lines()) {
      expect(line).toBe('one')
      break
    }
    await ended
  })

  it('that is aborted rejects with the reason at once, and gives no line after it', async () => {
    const { url, answer, ended } = await startWriter()
    const controller = new AbortController()
    const stream = await clientOf([url]).stream({ ...get, signal: controller.signal })
    ;(await answer).write('one\ntwo\n')
    const lines = stream.lines()
    expect((await lines.next()).value).toBe('one')
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(lines.next()).rejects.toBe(reason)
    await ended
  })

  it('that is aborted while it waits rejects with the reason', async () => {
    const { url } = await startWriter()
    const controller = new AbortController()
    const stream = await clientOf([url]).stream({ ...get, signal: controller.signal })
    const next = stream.lines().next()
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(next).rejects.toBe(reason)
  })

  it('on which nothing comes for idleTimeoutMs has failed; any byte counts', async () => {
    const clock = new FakeClock()
    const { url, answer, ended } = await startWriter()
    const stream = await clientOf([url], { clock }).stream({ ...get, idleTimeoutMs: 1_000 })
    const response = await answer
    const timers = vi.spyOn(clock, 'setTimeout')
    const lines = stream.lines()
    const first = lines.next()
    await clock.advance(999)
    response.write('\n')
    await vi.waitFor(() => expect(timers).toHaveBeenCalledTimes(2))
    await clock.advance(999)
    response.write('line\n')
    expect((await first).value).toBe('line')
    await clock.advance(5_000)
    const second = lines.next().catch(String)
    await clock.advance(1_000)
    expect(await second).toContain('the answer broke off: nothing came for 1000 ms')
    await ended
    expect(clock.pendingTimers).toBe(0)
  })

  it('has no limit of time once its head is there, when none is asked for', async () => {
    const clock = new FakeClock()
    const { url, answer } = await startWriter()
    const stream = await clientOf([url], { clock }).stream(get)
    const next = stream.lines().next()
    await clock.advance(86_400_000)
    ;(await answer).write('line\n')
    expect((await next).value).toBe('line')
  })

  it('has failed when its head does not come within timeoutMs', async () => {
    const clock = new FakeClock()
    const { url, asked } = await startServer(() => {})
    const failed = clientOf([url], { clock }).stream(get).catch(String)
    await vi.waitFor(() => expect(asked).toHaveLength(1))
    await clock.advance(5_000)
    expect(await failed).toContain('no answer within 5000 ms')
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('the text of a stream', () => {
  it('is its body, once', async () => {
    const { url } = await startServer((_request, response) => response.writeHead(403).end('denied'))
    const stream = await clientOf([url]).stream(get)
    expect([stream.status, stream.server, await stream.text()]).toEqual([403, url, 'denied'])
    await expect(stream.text()).rejects.toThrow('the answer was read already')
    await expect(stream.lines().next()).rejects.toThrow('the answer was read already')
  })

  it('is limited in size', async () => {
    const { url, answer } = await startWriter()
    const stream = await clientOf([url], { maxAnswerBytes: 10 }).stream(get)
    ;(await answer).write('12345678901')
    await expect(stream.text()).rejects.toThrow('/watch: the answer has more than 10 bytes')
  })

  it('is limited in time', async () => {
    const clock = new FakeClock()
    const { url, answer, ended } = await startWriter()
    const stream = await clientOf([url], { clock }).stream(get)
    ;(await answer).write('half')
    const text = stream.text().catch(String)
    await clock.advance(5_000)
    expect(await text).toContain('the answer was not complete within 5000 ms')
    await ended
    expect(clock.pendingTimers).toBe(0)
  })
})
