import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { freeUnreadBody } from './unread-body.ts'

function endless(): PassThrough {
  return new PassThrough()
}

describe('freeUnreadBody', () => {
  it('cancels the body of a fetch response', async () => {
    let cancelled = false
    const cancel = (): void => {
      cancelled = true
    }
    freeUnreadBody(new Response(new ReadableStream({ cancel })))
    await Promise.resolve()
    expect(cancelled).toBe(true)
  })

  it.each([
    ['body', (stream: Readable) => ({ body: stream })],
    ['data', (stream: Readable) => ({ data: stream })],
    ['value', (stream: Readable) => stream],
    ["error's response", (stream: Readable) => Object.assign(new Error('503'), { response: { data: stream } })],
    ["error's response, a stream", (stream: Readable) => Object.assign(new Error('503'), { response: stream })],
  ])('destroys the stream that is the %s, and hears its error', async (_name, holder) => {
    const stream = new Readable({ read: () => {}, destroy: (_error, done) => done(new Error('destroyed')) })
    freeUnreadBody(holder(stream))
    await new Promise((resolve) => stream.on('close', resolve))
    expect(stream.destroyed).toBe(true)
  })

  it("lets undici's body be read to its end", () => {
    let dumped = 0
    const body = Object.assign(endless(), {
      dump: () => {
        dumped++
        return Promise.reject(new Error('too long'))
      },
    })
    freeUnreadBody({ statusCode: 503, body })
    expect([dumped, body.destroyed]).toEqual([1, false])
  })

  it('leaves a stream alone that was read to its end', async () => {
    const stream = Readable.from([], { autoDestroy: false })
    stream.resume()
    await once(stream, 'end')
    freeUnreadBody({ body: stream })
    expect(stream.destroyed).toBe(false)
  })

  it('does nothing to other values, to a response without a body, or to one that is being read', async () => {
    const job = { destroy: () => expect.unreachable(), cancel: () => expect.unreachable() }
    for (const value of [undefined, null, 'text', 1, job, { body: 'text', data: job }, new Response(null)]) {
      freeUnreadBody(value)
    }
    const response = new Response('text')
    const reader = response.body?.getReader()
    freeUnreadBody(response)
    expect((await reader?.read())?.done).toBe(false)
  })

  it('does not fail by what fails to be freed', () => {
    const thrown = (): never => {
      throw new Error('no')
    }
    freeUnreadBody({ body: { getReader: thrown, cancel: thrown } })
    freeUnreadBody({ body: { pipe: thrown, on: thrown, destroy: thrown } })
    freeUnreadBody(Object.defineProperty({}, 'body', { get: thrown }))
  })
})
