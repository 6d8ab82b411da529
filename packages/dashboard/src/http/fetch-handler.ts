import type { EventStream } from '../events/event-stream.ts'
import { ApiError } from './api-error.ts'
import { type Exchange, maxBodyBytes, type Reply } from './exchange.ts'
import { tooLarge } from './node-handler.ts'

/** A web `Request` as an exchange. */
export function fetchExchange(request: Request): Exchange {
  const { host, pathname, search } = new URL(request.url)
  return {
    method: request.method,
    target: pathname + search,
    originalTarget: pathname + search,
    hasNext: false,
    // A server that gives no `Host` has put it into the URL.
    header: (name) => request.headers.get(name) ?? (name === 'host' ? host : undefined),
    body: () => fetchBody(request),
    raw: request,
  }
}

async function fetchBody({ body }: Request): Promise<string> {
  if (body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  try {
    for await (const chunk of body) {
      bytes += chunk.byteLength
      if (bytes > maxBodyBytes) throw tooLarge()
      text += decoder.decode(chunk, { stream: true })
    }
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError('BAD_REQUEST', 'The body broke off, or was read before')
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
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        let chunk = stream.take()
        while (chunk === undefined && !stream.ended) {
          await new Promise<void>((resolve) => {
            stream.onReadable = resolve
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
