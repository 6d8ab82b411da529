import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import type { AxiosError, AxiosResponse } from 'axios'
import { expect } from 'vitest'
import { describeParity, json, type Respond } from './parity.ts'

const page = JSON.stringify({ text: 'a'.repeat(500) })

function encoded(encoding: string, body: Uint8Array): Respond {
  return (_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(body)
}

/** The response with its stream read to the end. */
async function read(pending: Promise<AxiosResponse>): Promise<AxiosResponse> {
  const response = await pending
  response.data = await text(response.data)
  return response
}

describeParity('a response of type', {
  json: {
    run: ({ client, origin }) => client.get(origin, { responseType: 'json' }),
    expected: { outcome: { data: { method: 'GET' } } },
  },
  text: {
    run: ({ client, origin }) => client.get(origin, { responseType: 'text' }),
    expected: { outcome: { data: '{"method":"GET","url":"/","body":""}' } },
  },
  arraybuffer: {
    run: ({ client, origin }) => client.get(origin, { responseType: 'arraybuffer' }),
    respond: (_request, response) => response.end('bytes'),
    expected: { outcome: { data: { base64: btoa('bytes') } } },
  },
  stream: {
    run: ({ client, origin }) => read(client.get(origin, { responseType: 'stream' })),
    respond: (_request, response) => response.end('streamed'),
    expected: { outcome: { data: 'streamed' } },
  },
  'text in another encoding': {
    run: ({ client, origin }) => client.get(origin, { responseType: 'text', responseEncoding: 'latin1' }),
    respond: (_request, response) => response.end(Buffer.from([0xe9])),
    expected: { outcome: { data: '\u00e9' } },
  },
  'text with a byte order mark': {
    run: ({ client, origin }) => client.get(origin, { responseType: 'text' }),
    respond: (_request, response) => response.end('\ufeffx'),
    expected: { outcome: { data: 'x' } },
  },
})

describeParity('a response that is encoded', {
  'with gzip': {
    run: ({ client, origin }) => client.get(origin),
    respond: encoded('gzip', gzipSync(page)),
    expected: { outcome: { data: JSON.parse(page) } },
  },
  'with brotli': {
    run: ({ client, origin }) => client.get(origin),
    respond: encoded('br', brotliCompressSync(page)),
    expected: { outcome: { data: JSON.parse(page) } },
  },
  'with deflate': {
    run: ({ client, origin }) => client.get(origin),
    respond: encoded('deflate', deflateSync(page)),
    expected: { outcome: { data: JSON.parse(page) } },
  },
  'with deflate, raw': {
    run: ({ client, origin }) => client.get(origin),
    respond: encoded('deflate', deflateRawSync(page)),
    expected: { outcome: { data: JSON.parse(page) } },
  },
  'and streamed': {
    run: ({ client, origin }) => read(client.get(origin, { responseType: 'stream' })),
    respond: encoded('gzip', gzipSync(page)),
    expected: { outcome: { data: page } },
  },
  'with decompress: false': {
    run: ({ client, origin }) => client.get(origin, { decompress: false, responseType: 'arraybuffer' }),
    respond: encoded('gzip', gzipSync('x')),
    expected: { outcome: { headers: { 'content-encoding': 'gzip' } } },
  },
  'but is not what it says': {
    run: ({ client, origin }) => client.post(origin),
    respond: encoded('gzip', Buffer.from('not gzip')),
    expected: { outcome: { code: 'Z_DATA_ERROR', message: 'incorrect header check' } },
  },
  'but has no body': {
    run: ({ client, origin }) => client.head(origin),
    respond: (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(),
    expected: { outcome: { status: 200 } },
  },
})

function status(code: number): Respond {
  return (_request, response) => json(response, { code }, code)
}

describeParity('a response with status', {
  '204': {
    run: ({ client, origin }) => client.get(origin),
    respond: (_request, response) => response.writeHead(204).end(),
    expected: { outcome: { status: 204, data: '' } },
  },
  '304': {
    run: ({ client, origin }) => client.get(origin),
    respond: (_request, response) => response.writeHead(304, { etag: '"1"' }).end(),
    expected: { outcome: { status: 304, message: 'Request failed with status code 304' } },
  },
  '404': {
    run: ({ client, origin }) => client.get(`${origin}/x`),
    respond: status(404),
    expected: { outcome: { code: 'ERR_BAD_REQUEST', response: { data: { code: 404 } } }, requests: [{}] },
  },
  '404 to HEAD': {
    run: ({ client, origin }) => client.head(origin),
    respond: status(404),
    expected: { outcome: { response: { status: 404, data: '' } } },
  },
  '503': {
    run: ({ client, origin }) => client.post(origin),
    respond: status(503),
    expected: { outcome: { code: 'ERR_BAD_RESPONSE', status: 503, response: { data: { code: 503 } } } },
  },
  '503, to validateStatus null': {
    run: ({ client, origin }) => client.post(origin, undefined, { validateStatus: null }),
    respond: status(503),
    expected: { outcome: { status: 503, data: { code: 503 } } },
  },
  '404, to validateStatus undefined': {
    run: ({ client, origin }) => client.get(origin, { validateStatus: undefined } as object),
    respond: status(404),
    expected: { requests: [{}] },
  },
  '200, refused by validateStatus': {
    run: ({ client, origin }) => client.get(origin, { validateStatus: (code) => code !== 200 }),
    expected: { outcome: { message: 'Request failed with status code 200' }, requests: [{}] },
  },
  '404, refused by a validateStatus that gives undefined': {
    run: ({ client, origin, notes }) =>
      client.get(origin, {
        validateStatus: (code) => {
          notes.push(code)
          return undefined as unknown as boolean
        },
      }),
    respond: status(404),
    expected: { outcome: { status: 404 }, notes: [404], requests: [{}] },
  },
  '404, streamed': {
    run: ({ client, origin, notes }) =>
      client.get(origin, { responseType: 'stream' }).catch(async (error: AxiosError<NodeJS.ReadableStream>) => {
        notes.push(await text(error.response?.data ?? Readable.from([])))
        if (error.response !== undefined) error.response.data = process.stdin
        throw new Error(`told ${error.message}`)
      }),
    respond: status(404),
    expected: { outcome: { message: 'told Request failed with status code 404' }, notes: ['{"code":404}'] },
  },
})

describeParity('the data of a response', {
  'goes through transformResponse': {
    run: ({ client, origin, notes }) =>
      client.get(`${origin}/x`, {
        transformResponse(data: string, headers: unknown, code: number | undefined) {
          notes.push(this.url, code, Object.keys(headers as object).length > 0)
          return data.length > 0
        },
      }),
    expected: { outcome: { data: true }, notes: ['http://SERVICE/x', 200, true] },
  },
  'that is refused goes through it too': {
    run: ({ client, origin }) => client.get(origin, { transformResponse: () => 'transformed' }),
    respond: status(404),
    expected: { outcome: { response: { data: 'transformed' } } },
  },
  'that is no JSON is given as text': {
    run: ({ client, origin }) => client.get(origin),
    respond: (_request, response) => response.end('{"a":'),
    expected: { outcome: { data: '{"a":' } },
  },
  'that is no JSON is an error when it was asked for': {
    run: ({ client, origin }) =>
      client.get(`${origin}/x`, { responseType: 'json', transitional: { silentJSONParsing: false } }),
    respond: (_request, response) => response.end('{"a":'),
    expected: { outcome: { name: 'SyntaxError', code: 'ERR_BAD_RESPONSE' }, requests: [{}] },
  },
  'beyond maxContentLength': {
    run: ({ client, origin }) => client.get(origin, { maxContentLength: 10 }),
    respond: (_request, response) => response.end('x'.repeat(11)),
    expected: {
      outcome: { code: 'ERR_BAD_RESPONSE', message: 'maxContentLength size of 10 exceeded' },
      requests: [{}],
    },
  },
  'beyond maxContentLength, streamed': {
    run: ({ client, origin }) => read(client.get(origin, { maxContentLength: 10, responseType: 'stream' })),
    respond: (_request, response) => response.end('x'.repeat(11)),
    expected: { outcome: { message: 'maxContentLength size of 10 exceeded' } },
  },
  'reports its download': {
    run: async ({ client, origin, notes }) => {
      let last: unknown
      const response = await client.get(origin, {
        onDownloadProgress: ({ loaded, total, download }) => {
          last = { loaded, total, download }
        },
      })
      notes.push(last)
      response.data = undefined
      return response
    },
    respond: (_request, response) => response.writeHead(200, { 'content-length': 300_000 }).end(Buffer.alloc(300_000)),
    expected: { notes: [{ loaded: 300_000, total: 300_000, download: true }] },
  },
  'comes whole at a maxRate': {
    run: ({ client, origin }) => client.post(origin, 'x'.repeat(2_000), { maxRate: [1_000_000, 1_000_000] }),
    expected: { outcome: { data: { body: 'x'.repeat(2_000) } } },
  },
})

function halfThen(end: (response: ServerResponse) => void): Respond {
  return (_request, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('x'.repeat(50), () => end(response))
  }
}

describeParity('a response that breaks off', {
  'by a reset before it began': {
    run: ({ client, origin }) => client.post(origin),
    respond: (_request, response) => response.socket?.resetAndDestroy(),
    expected: { outcome: { code: 'ECONNRESET' } },
  },
  'by a close before it began': {
    run: ({ client, origin }) => client.post(origin),
    respond: (_request, response) => response.socket?.end(),
    expected: { outcome: { code: 'ECONNRESET', message: 'socket hang up' } },
  },
  'by a reset in its body': {
    run: ({ client, origin }) => client.post(origin),
    respond: halfThen((response) => response.socket?.resetAndDestroy()),
    expected: { outcome: { name: expect.any(String), message: expect.any(String) } },
  },
  'by a close in its body': {
    run: ({ client, origin }) => client.post(origin),
    respond: halfThen((response) => response.socket?.end()),
    expected: { outcome: { message: expect.stringMatching(/aborted/) } },
  },
  'by a close in its body, streamed': {
    run: ({ client, origin }) => read(client.get(origin, { responseType: 'stream' })),
    respond: halfThen((response) => response.socket?.end()),
    expected: { outcome: { message: expect.stringMatching(/aborted/) }, requests: [{}] },
  },
  'because it is no HTTP': {
    run: ({ client, origin }) => client.post(origin),
    respond: (_request, response) => response.socket?.end('nonsense\r\n\r\n'),
    expected: { outcome: { code: 'HPE_INVALID_CONSTANT' } },
  },
  'not, when it is parsed leniently': {
    run: ({ client, origin }) => client.post(origin, undefined, { insecureHTTPParser: true }),
    respond: (_request, response) =>
      response.socket?.end('HTTP/1.1 200 OK\r\nX-Bad: a\u0001b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'),
    expected: { outcome: { status: 200, data: 'ok' } },
  },
  'when it is parsed strictly': {
    run: ({ client, origin }) => client.post(origin),
    respond: (_request, response) =>
      response.socket?.end('HTTP/1.1 200 OK\r\nX-Bad: a\u0001b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'),
    expected: { outcome: { code: 'HPE_INVALID_HEADER_TOKEN' } },
  },
})
