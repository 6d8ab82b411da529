import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import axios, { type AxiosRequestConfig } from 'axios'
import { describeParity, type Respond, type Scenario, type Way } from './parity.ts'

/** Never answers. */
const silent: Respond = () => {}

/** Sends the headers and a first piece, then a piece each `everyMs` until there are `pieces`. */
function trickle(everyMs: number, pieces: number): Respond {
  return (_request, response) => {
    let sent = 0
    const send = (): void => {
      if (++sent === pieces) response.end('.')
      else response.write('.', () => setTimeout(send, everyMs))
    }
    send()
  }
}

/** Its head comes at once, even on a busy machine long before the limit, and its end after it. */
const slowBody = trickle(350, 6)
const wellBeforeTheEnd = 1_500

function limited(timeout: AxiosRequestConfig): Scenario['run'] {
  return ({ client, origin }) => client.get(`${origin}/slow`, timeout)
}

const timedOut = { outcome: { message: 'timeout of 50ms exceeded', code: 'ECONNABORTED', name: 'AxiosError' } }

describeParity('a time limit', {
  'ends a request that is not answered': {
    run: limited({ timeout: 50 }),
    respond: silent,
    seen: 'any',
    expected: timedOut,
  },
  'of the client ends a request that is not answered': {
    run: ({ client, origin }) => {
      client.defaults.timeout = 50
      return client.get(origin)
    },
    respond: silent,
    seen: 'any',
    expected: timedOut,
  },
  'written as a string ends it too': {
    run: limited({ timeout: '50ms' as unknown as number }),
    respond: silent,
    seen: 'any',
    expected: { outcome: { message: 'timeout of 50msms exceeded', code: 'ECONNABORTED' } },
  },
  'that is no number is refused': {
    run: limited({ timeout: 'soon' as unknown as number }),
    respond: silent,
    seen: 'any',
    expected: { outcome: { code: 'ERR_BAD_OPTION_VALUE' } },
  },
  'has the code ETIMEDOUT when that is asked for': {
    run: limited({ timeout: 50, transitional: { clarifyTimeoutError: true } }),
    respond: silent,
    seen: 'any',
    expected: { outcome: { code: 'ETIMEDOUT', message: 'timeout of 50ms exceeded' } },
  },
  'has a message of the caller': {
    run: limited({ timeout: 50, timeoutErrorMessage: 'too slow' }),
    respond: silent,
    seen: 'any',
    expected: { outcome: { code: 'ECONNABORTED', message: 'too slow' } },
  },
  'holds without redirects': {
    run: limited({ timeout: 50, maxRedirects: 0 }),
    respond: silent,
    seen: 'any',
    expected: timedOut,
  },
  'does not end a response whose body is slow': {
    run: limited({ timeout: wellBeforeTheEnd }),
    respond: slowBody,
    expected: { outcome: { status: 200, data: '......' } },
  },
  'does not end a stream that is slow': {
    run: async ({ client, origin }) => {
      const response = await client.get(origin, { timeout: wellBeforeTheEnd, responseType: 'stream' })
      response.data = await text(response.data)
      return response
    },
    respond: slowBody,
    expected: { outcome: { status: 200, data: '......' } },
  },
  'holds for a whole chain of redirects': {
    run: ({ client, origin }) => client.get(`${origin}/0`, { timeout: 100 }),
    seen: 'any',
    respond: ({ url }, response) => {
      const next = Number(url.slice(1)) + 1
      setTimeout(() => response.writeHead(302, { location: `/${next}` }).end(), 60)
    },
    expected: { outcome: { message: 'timeout of 100ms exceeded' }, requests: [] },
  },
})

function sendAndAbort(config: AxiosRequestConfig, reason?: unknown): Scenario['run'] {
  return async ({ client, origin, received }) => {
    const controller = new AbortController()
    const sent = client.get(`${origin}/x`, { ...config, signal: controller.signal })
    received(1).then(
      () => controller.abort(reason),
      () => {},
    )
    return sent
  }
}

/** Ends `end` while the body of a streamed response is read, and gives what the reader sees. */
async function endInBody(way: Way, config: AxiosRequestConfig, end: () => void): Promise<never> {
  const { data } = await way.client.get(way.origin, { ...config, responseType: 'stream' })
  const read = text(data)
  end()
  const error: unknown = await read.catch((reason: unknown) => reason)
  throw new Error(axios.isCancel(error) ? `canceled: ${error.message}` : `not canceled: ${String(error)}`)
}

const open: Respond = (_request: unknown, response: ServerResponse) => {
  response.write('first')
}

const canceled = { outcome: { name: 'CanceledError', code: 'ERR_CANCELED', message: 'canceled', canceled: true } }

describeParity('an AbortSignal', {
  'that is aborted before': {
    run: ({ client, origin }) => client.get(origin, { signal: AbortSignal.abort() }),
    expected: { ...canceled, requests: [] },
  },
  'that is aborted right after the call': {
    run: ({ client, origin }) => {
      const controller = new AbortController()
      const sent = client.get(origin, { signal: controller.signal })
      controller.abort()
      return sent
    },
    seen: 'any',
    expected: canceled,
  },
  'that is aborted while the answer is awaited': { run: sendAndAbort({}), respond: silent, expected: canceled },
  'that is aborted with a reason': {
    run: sendAndAbort({}, new Error('no longer wanted')),
    respond: silent,
    expected: canceled,
  },
  'that is aborted while the body is awaited': { run: sendAndAbort({}), respond: open, expected: canceled },
  'that is aborted while the body is streamed': {
    run: (way) => {
      const controller = new AbortController()
      return endInBody(way, { signal: controller.signal }, () => controller.abort())
    },
    respond: open,
    expected: { outcome: { message: 'canceled: canceled' } },
  },
  'that times out': {
    run: ({ client, origin }) => client.get(origin, { signal: AbortSignal.timeout(30) }),
    respond: silent,
    seen: 'any',
    expected: canceled,
  },
  'that is aborted after the end': {
    run: async ({ client, origin }) => {
      const controller = new AbortController()
      const response = await client.get(origin, { signal: controller.signal })
      controller.abort()
      return response
    },
    expected: { outcome: { status: 200 } },
  },
})

describeParity('a CancelToken', {
  'that is cancelled before': {
    run: ({ client, origin }) => {
      const source = axios.CancelToken.source()
      source.cancel('not today')
      return client.get(origin, { cancelToken: source.token })
    },
    expected: { outcome: { message: 'not today', canceled: true }, requests: [] },
  },
  'that is cancelled while the answer is awaited gives its reason, as it is': {
    run: async ({ client, origin, received, notes }) => {
      const source = axios.CancelToken.source()
      const sent = client.get(origin, { cancelToken: source.token })
      received(1).then(
        () => source.cancel('changed my mind'),
        () => {},
      )
      await sent.catch((error: unknown) => {
        notes.push(error === source.token.reason, (error as object) !== null && 'config' in (error as object))
      })
      return sent
    },
    respond: silent,
    expected: { outcome: { message: 'changed my mind', canceled: true, code: 'ERR_CANCELED' }, notes: [true, false] },
  },
  'that is cancelled while the body is streamed': {
    run: (way) => {
      const source = axios.CancelToken.source()
      return endInBody(way, { cancelToken: source.token }, () => source.cancel('seen enough'))
    },
    respond: open,
    expected: { outcome: { message: 'canceled: seen enough' } },
  },
  'besides a signal leaves the signal its effect': {
    run: sendAndAbort({ cancelToken: axios.CancelToken.source().token }),
    respond: silent,
    expected: canceled,
  },
  'besides a signal leaves the signal its effect on the body': {
    run: (way) => {
      const controller = new AbortController()
      const config = { signal: controller.signal, cancelToken: axios.CancelToken.source().token }
      return endInBody(way, config, () => controller.abort())
    },
    respond: open,
    expected: { outcome: { message: 'canceled: canceled' } },
  },
})
