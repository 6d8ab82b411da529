import type { Clock } from '@lb/core'
import type { EventStream } from '../events/event-stream.ts'
import { ApiError } from './api-error.ts'
import type { Exchange, Reply } from './exchange.ts'
import { bodyBrokeOff, bodyTimeoutMs, bodyTooLarge, bodyTooLate, maxBodyBytes } from './request-body.ts'

/** A web `Request` as an exchange. */
export function fetchExchange(request: Request, clock: Clock): Exchange {
  const { host, pathname, search } = new URL(request.url)
  return {
    method: request.method,
    target: pathname + search,
    originalTarget: pathname + search,
    hasNext: false,
    // A server that gives no `Host` has put it into the URL.
    header: (name) => request.headers.get(name) ?? (name === 'host' ? host : undefined),
    body: () => fetchBody(request, clock),
    raw: request,
  }
}

async function fetchBody({ body }: Request, clock: Clock): Promise<string> {
  if (body === null) return ''
  if (body.locked) throw new ApiError('BAD_REQUEST', 'The body was read before')
  const reader = body.getReader()
  let isLate = false
  const giveUp = (): void => void reader.cancel().catch(() => {})
  const cancel = clock.setTimeout(
    () => {
      isLate = true
      giveUp()
    },
    bodyTimeoutMs,
    { background: true },
  )
  try {
    const text = await readText(reader)
    if (!isLate) return text
  } catch (error) {
    giveUp()
    throw error instanceof ApiError ? error : bodyBrokeOff()
  } finally {
    cancel()
  }
  throw bodyTooLate()
}

async function readText(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.byteLength
    if (bytes > maxBodyBytes) throw bodyTooLarge()
    text += decoder.decode(part.value, { stream: true })
  }
  return text
}

/** `reply` as a web `Response`. */
export function fetchResponse({ status, headers, body }: Reply, isHead: boolean): Response {
  const fields = new Headers(headers)
  // The server's to say.
  fields.delete('connection')
  if (typeof body === 'string') return new Response(isHead ? null : body, { status, headers: fields })
  return new Response(readable(body), { status, headers: fields })
}

/** Chunks are made when the client asks for them. */
function readable(stream: EventStream): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let wake = (): void => {}
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        stream.onReadable = () => {
          // The server waits for the client, and asks for nothing.
          if (stream.stalled) controller.error(new Error('The client did not read'))
          wake()
        }
      },
      pull: async (controller) => {
        let chunk = stream.take()
        while (chunk === undefined && !stream.ended) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          chunk = stream.take()
        }
        if (chunk !== undefined) controller.enqueue(encoder.encode(chunk))
        else controller.close()
      },
      cancel: () => stream.end(),
    },
    { highWaterMark: 0 },
  )
}
