import type { Socket } from 'node:net'
import { StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import { describe, expect, it, vi } from 'vitest'
import { createFetch } from '../src/index.ts'
import { Fixture } from './fixture.ts'

const good = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood'

interface RawInstance extends LoopbackBackend {
  /** Connections that were closed. */
  closed: number
}

/** An instance that writes what it is given, whatever that is. */
async function writing(answer: string | ((socket: Socket) => void)): Promise<RawInstance> {
  const backend = Object.assign(await LoopbackBackend.start(), { closed: 0 })
  const raw = (socket: Socket): void => {
    if (socket.listenerCount('close', count) === 0) socket.on('close', count)
    if (typeof answer === 'function') answer(socket)
    else socket.write(answer)
  }
  const count = (): void => {
    backend.closed++
  }
  backend.script = { raw }
  return backend
}

/** A load balancer over `instances`, which takes them in turn. */
function over(...instances: LoopbackBackend[]): Promise<Fixture> {
  const discovery = new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) })
  return Fixture.start({ backends: 0, lb: { discovery, retry: { backoffBaseMs: 1, budget: false } } })
}

/** What several GETs gave, each its body or the code of its error, over `request` and `fetch` by turns. */
async function tally(
  fixture: Fixture,
  count: number,
  init: { method?: 'POST'; body?: string } = {},
): Promise<string[]> {
  await using fetch = createFetch(fixture.lb, { dispatcher: fixture.agent })
  const got: string[] = []
  for (let number = 0; number < count; number++) {
    const text =
      number % 2 === 0
        ? fixture.request(init).then(({ body }) => body.text())
        : fetch('http://user-service/', init).then((response) => response.text())
    got.push(await text.catch((error) => error.code ?? error.cause?.code ?? error.message))
  }
  return got
}

describe('an answer that is decided on', () => {
  it.each([
    ['a length', 'Content-Length: 100\r\n'],
    ['a length, and some of its body', 'Content-Length: 100\r\n\r\nsome'],
    ['no length', 'Transfer-Encoding: chunked\r\n'],
  ])('moves on at its head when it has a status of failure and %s, and its body never comes', async (_what, fields) => {
    await using stalling = await writing(`HTTP/1.1 503 Busy\r\n${fields}\r\n`)
    await using other = await writing(good)
    await using fixture = await over(stalling, other)
    expect(await tally(fixture, 4)).toEqual(['good', 'good', 'good', 'good'])
    expect(stalling.requests).toHaveLength(2)
    // Nobody waits for the rest for ever.
    await vi.waitFor(() => expect(stalling.closed).toBeGreaterThanOrEqual(stalling.requests.length), 4_000)
  })
})

/** Writes `first`, and `part` over and over as quickly as it is read. */
function flood(first: string, part: string): (socket: Socket) => void {
  return (socket) => {
    const push = (): void => {
      while (!socket.destroyed && socket.write(part));
    }
    socket.on('drain', push)
    socket.write(first)
    push()
  }
}

describe('what is neither header nor body, with the connections of lb', () => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

  it.each([
    ['a reason phrase', 'HTTP/1.1 200 '],
    ['the extension of a chunk', `${chunked}2;`],
    ['the extension of a later chunk', `${chunked}2\r\nok\r\n2;`],
    [
      'the extension of a chunk before the connection closes',
      `${chunked.replace('\r\n', '\r\nConnection: close\r\n')}2;`,
    ],
  ])('is bounded: %s that does not end fails the attempt', { timeout: 10_000 }, async (_what, first) => {
    await using endless = await writing(flood(first, 'b'.repeat(60_000)))
    await using fixture = await over(endless)
    await using fetch = createFetch(fixture.lb)
    const sent = fetch('http://user-service/', { method: 'POST', body: 'x' }).then((response) => response.text())
    await expect(sent).rejects.toThrow()
    await vi.waitFor(() => expect(endless.closed).toBe(1))
    expect(endless.requests).toHaveLength(1)
    expect(fixture.lb.inspect('user-service')).toMatchObject({ inFlight: 0, instances: [{ failed: 1 }] })
  })

  it('is not mistaken for a long body without a line break, of an instance or any other server', async () => {
    const body = 'b'.repeat(2_000_000)
    await using backend = await LoopbackBackend.start({ script: { body } })
    await using fixture = await over(backend)
    await using fetch = createFetch(fixture.lb)
    for (const url of ['http://user-service/', `${backend.url}/`]) {
      expect((await (await fetch(url)).text()).length).toBe(body.length)
    }
  })
})

describe('what comes before a response', () => {
  it.each([
    ['hints without end', 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n'.repeat(50)],
    ['long hints without end', `HTTP/1.1 103 Early Hints\r\nLink: </${'a'.repeat(10_000)}>\r\n\r\n`],
    ['102 without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50)],
  ])('is bounded: an instance that sends %s is left', async (_what, interim) => {
    let written = 0
    await using endless = await writing((socket) => {
      const push = (): void => {
        while (!socket.destroyed && socket.write(interim)) written += interim.length
      }
      socket.on('drain', push)
      push()
    })
    await using other = await writing(good)
    await using fixture = await over(endless, other)
    expect(await tally(fixture, 4)).toEqual(['good', 'good', 'good', 'good'])
    await vi.waitFor(() => expect(endless.closed).toBeGreaterThanOrEqual(endless.requests.length))
    expect(written).toBeLessThan(64e6)
  })

  it.each(['100 Continue', '102 Processing', '103 Early Hints'])(
    'is no answer, nor makes one be asked for twice: %s',
    async (status) => {
      await using instance = await writing(`HTTP/1.1 ${status}\r\n\r\n${good}`)
      await using fixture = await over(instance)
      // undici takes no 100 that it did not ask for.
      const expected = status === '100 Continue' ? 'UND_ERR_SOCKET' : 'good'
      expect(await tally(fixture, 2)).toEqual([expected, expected])
      expect(await tally(fixture, 2, { method: 'POST', body: 'x' })).toEqual([expected, expected])
      expect(instance.requests).toHaveLength(4)
    },
  )
})

describe('fields', () => {
  const names = Array.from({ length: 2_100 }, (_, index) => index.toString(36))

  it('are passed on, up to 2 000', async () => {
    const fields = names.slice(0, 1_999).map((name) => `${name}: x\r\n`)
    await using instance = await writing(`HTTP/1.1 200 OK\r\n${fields.join('')}Content-Length: 4\r\n\r\ngood`)
    await using fixture = await over(instance)
    expect(await tally(fixture, 2)).toEqual(['good', 'good'])
  })

  it.each(['GET', 'POST'] as const)(
    'are refused beyond 2 000, of a %s too, and no instance is blamed or asked twice',
    async (method) => {
      const fields = names.map((name) => `${name}:\r\n`).join('')
      await using instance = await writing(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 4\r\n\r\ngood`)
      await using fixture = await over(instance)
      const init = method === 'POST' ? { method, body: 'x' } : {}
      expect(await tally(fixture, 2, init)).toEqual(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_HEADERS_OVERFLOW'])
      expect(instance.requests).toHaveLength(2)
      expect(fixture.finished.map(({ outcome }) => outcome.blame)).toEqual(['none', 'none'])
    },
  )
})
