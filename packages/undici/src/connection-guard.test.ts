import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { Arrivals } from './arrivals.ts'
import { guardConnection } from './connection-guard.ts'

it('takes no text of a body for a request, whatever it begins with: what the instance responds meanwhile passes as it is', () => {
  const received = ['HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n', '123456789100 is of the body', 'more'].map(
    (text) => Buffer.from(text),
  )
  const written: unknown[] = []
  const socket = Object.assign(new Socket(), {
    read: () => received.shift() ?? null,
    write: (chunk: unknown) => written.push(chunk) > 0,
  })
  const guarded = guardConnection(socket, new Arrivals())
  const read = (): string => String(guarded.read())
  guarded.write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n', 'latin1')
  expect(read()).toContain('200 OK')
  guarded.write('\r\n5\r\n', 'latin1')
  guarded.write('Hello')
  expect([read(), read()]).toEqual(['123456789100 is of the body', 'more'])
  expect(written).toHaveLength(3)
})
