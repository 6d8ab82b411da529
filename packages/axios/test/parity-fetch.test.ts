import { text } from 'node:stream/consumers'
import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios'
import { expect } from 'vitest'
import { describeParity, json, type Respond, type Scenario } from './parity.ts'

const adapter = (): 'fetch' => 'fetch'

const silent: Respond = () => {}

const open: Respond = (_request, response) => {
  response.write('first')
}

/** What the reader of a streamed body sees when `end` is called meanwhile. */
async function readUntil(pending: Promise<AxiosResponse>, end: () => void): Promise<never> {
  const { data } = await pending
  const read = text(data)
  end()
  const error: unknown = await read.catch((reason: unknown) => reason)
  throw new Error(axios.isCancel(error) ? `canceled: ${error.message}` : `not canceled: ${String(error)}`)
}

function limited(config: AxiosRequestConfig): Scenario {
  return {
    adapter,
    respond: silent,
    seen: 'any',
    run: ({ client, origin }) => client.get(origin, { timeout: 50, ...config }),
    expected: { outcome: { code: 'ETIMEDOUT', message: 'timeout of 50ms exceeded' } },
  }
}

describeParity('the fetch adapter', {
  'sends a GET': {
    adapter,
    run: ({ client, origin }) => client.get(`${origin}/a%2Fb`, { params: { x: 1 }, headers: { 'X-Trace': '7' } }),
    expected: { requests: [{ url: '/a%2Fb?x=1', headers: { 'x-trace': '7' } }] },
  },
  'sends a POST': {
    adapter,
    run: ({ client, origin }) => client.post(origin, { a: 1 }, { auth: { username: 'ann', password: 'secret' } }),
    expected: { requests: [{ body: '{"a":1}', headers: { authorization: `Basic ${btoa('ann:secret')}` } }] },
  },
  'sends a FormData': {
    adapter,
    run: async ({ client, origin, notes }) => {
      const data = new FormData()
      data.append('a', '1')
      const response = await client.post(origin, data, {
        headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
      })
      notes.push(response.status)
      return response
    },
    expected: { notes: [200] },
  },
  'fails with the status': {
    adapter,
    respond: (_request, response) => json(response, { missing: true }, 404),
    run: ({ client, origin }) => client.get(origin),
    expected: { outcome: { code: 'ERR_BAD_REQUEST', response: { data: { missing: true } } }, requests: [{}] },
  },
  'follows a redirect within the server': {
    adapter,
    respond: ({ url }, response) => {
      if (url === '/first') response.writeHead(302, { location: '/second' }).end()
      else json(response, { url })
    },
    run: ({ client, origin }) => client.get(`${origin}/first`),
    expected: { outcome: { data: { url: '/second' } } },
  },
  'fails when the connection breaks': {
    adapter,
    respond: (_request, response) => response.socket?.resetAndDestroy(),
    run: ({ client, origin }) => client.post(origin, 'x'),
    expected: { outcome: { code: 'ERR_NETWORK', message: 'Network Error' } },
  },
  'ends at the time limit': limited({}),
  'ends at the time limit, whatever the transitional options': limited({
    transitional: { clarifyTimeoutError: false },
  }),
  'ends at the time limit, whatever the message': limited({ timeoutErrorMessage: 'too slow' }),
  'ends at an abort': {
    adapter,
    respond: silent,
    run: async ({ client, origin, received }) => {
      const controller = new AbortController()
      received(1).then(
        () => controller.abort(),
        () => {},
      )
      // The message is the platform's own, and the same error has another one elsewhere.
      const error: unknown = await client.get(origin, { signal: controller.signal }).catch((reason: unknown) => reason)
      throw new Error(
        axios.isCancel(error) ? `canceled: ${error.name} ${error.code}` : `not canceled: ${String(error)}`,
      )
    },
    expected: { outcome: { message: 'canceled: CanceledError ERR_CANCELED' } },
  },
  'gives a stream': {
    adapter,
    respond: (_request, response) => response.end('streamed'),
    run: async ({ client, origin }) => {
      const response = await client.get(origin, { responseType: 'stream' })
      response.data = await text(response.data)
      return response
    },
    expected: { outcome: { data: 'streamed' } },
  },
  'ends a stream at an abort': {
    adapter,
    respond: open,
    run: ({ client, origin }) => {
      const controller = new AbortController()
      const pending = client.get(origin, { signal: controller.signal, responseType: 'stream' })
      return readUntil(pending, () => controller.abort())
    },
    expected: { outcome: { message: expect.stringMatching(/^canceled: /) } },
  },
  'ends a stream at a cancel': {
    adapter,
    respond: open,
    run: ({ client, origin }) => {
      const source = axios.CancelToken.source()
      const pending = client.get(origin, { cancelToken: source.token, responseType: 'stream' })
      return readUntil(pending, () => source.cancel('seen enough'))
    },
    expected: { outcome: { message: 'canceled: seen enough' } },
  },
})
