import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { RequestBody } from './request-body.ts'

/** A request over HTTP/2 that the client gave up: to its reader it ends like a whole one. */
function cutOff(...chunks: string[]): IncomingMessage {
  const request = Readable.from(
    chunks.map((each) => Buffer.from(each)),
    { autoDestroy: false },
  )
  return Object.assign(request, { httpVersionMajor: 2, aborted: true, complete: true }) as unknown as IncomingMessage
}

describe('the body of a request over HTTP/2 that was given up', () => {
  it('is not whole when it is buffered', async () => {
    const body = new RequestBody(cutOff('half'))
    await expect(body.buffer(100)).rejects.toThrow('the client went away')
    expect(body.isWhole).toBe(false)
  })

  it('breaks off when it is streamed', async () => {
    const stream = new RequestBody(cutOff('half')).open()
    if (Buffer.isBuffer(stream)) throw new TypeError('it is not whole')
    await expect(stream.toArray()).rejects.toThrow('the client went away')
  })
})
