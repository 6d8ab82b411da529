import { createServer, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { closeAll, exchangeBytes, listen } from '../test/support.ts'
import { writeHead } from './write-response.ts'

afterEach(closeAll)

/** What a client gets of a response to which `write` writes. */
async function received(write: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => {
    response.sendDate = false
    write(response)
    response.end()
  })
  return exchangeBytes(await listen(server), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 2_000)
}

describe('writeHead', () => {
  it('replaces what a middleware set, and keeps repeated fields in their order', async () => {
    const fields = ['X-A', '1', 'Set-Cookie', 'a', 'x-a', '2', 'Set-Cookie', 'b', 'Content-Length', '0']
    const bytes = await received((response) => {
      response.setHeader('X-A', 'middleware').setHeader('X-B', 'middleware')
      writeHead(response, 200, 'OK', fields)
    })
    const lines = bytes.split('\r\n').filter((line) => /^(x-|set-|content)/i.test(line))
    expect(lines.sort()).toEqual(
      ['Content-Length: 0', 'Set-Cookie: a', 'Set-Cookie: b', 'X-A: 1', 'X-A: 2', 'X-B: middleware'].sort(),
    )
  })

  it('costs about as much for each field, however many', async () => {
    const fields = Array.from({ length: 2_000 }, (_, index) => [`x-${index}`, '1']).flat()
    let names = 0
    await received((response) => {
      response.setHeader('X-Powered-By', 'a middleware')
      for (const method of ['hasHeader', 'getHeader', 'setHeader', 'appendHeader', 'removeHeader'] as const) {
        const original = response[method].bind(response) as (...args: unknown[]) => unknown
        Object.assign(response, {
          [method]: (...args: unknown[]) => {
            names++
            return original(...args)
          },
        })
      }
      writeHead(response, 200, 'OK', fields)
    })
    expect(names).toBeGreaterThan(0)
    expect(names).toBeLessThan(2 * 2_000)
  })

  it.each([
    ['what the instance says', 'Fine', 'HTTP/1.1 200 Fine'],
    ['not what cannot be written', 'a\u0100', 'HTTP/1.1 200 '],
    ['not a long one', 'a'.repeat(257), 'HTTP/1.1 200 '],
    ['one of 256 characters', 'a'.repeat(256), `HTTP/1.1 200 ${'a'.repeat(256)}`],
  ])('passes a reason on: %s', async (_name, reason, line) => {
    const bytes = await received((response) => writeHead(response, 200, reason, []))
    expect(bytes.split('\r\n')[0]).toMatch(line === 'HTTP/1.1 200 ' ? /^HTTP\/1\.1 200 (?:OK)?$/ : line)
  })
})
