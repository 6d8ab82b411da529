import { Readable } from 'node:stream'
import axios, { AxiosHeaders } from 'axios'
import { expect } from 'vitest'
import { describeParity, type Scenario } from './parity.ts'

const methods = ['get', 'delete', 'head', 'options', 'post', 'put', 'patch', 'TRACE', 'Get'] as const

describeParity(
  'every method',
  Object.fromEntries(
    methods.map((method): [string, Scenario] => [
      method,
      {
        run: ({ client, origin }) => client.request({ method, url: `${origin}/v1/profile?x=1` }),
        expected: { requests: [{ method: method.toUpperCase(), url: '/v1/profile?x=1' }], outcome: { status: 200 } },
      },
    ]),
  ),
)

describeParity('the URL of a request', {
  'keeps escapes and empty segments': {
    run: ({ client, origin }) => client.get(`${origin}/a%2Fb//c;d=e,f?x=%2f&y=&z#fragment`),
    expected: { requests: [{ url: '/a%2Fb//c;d=e,f?x=%2f&y=&z' }] },
  },
  'without a path': {
    run: ({ client, origin }) => client.get(`${origin}?x=1`),
    expected: { requests: [{ url: '/?x=1' }] },
  },
  'with params': {
    run: ({ client, origin }) => client.get(`${origin}/p?a=1#f`, { params: { b: ['x', 'y z'], c: { d: 1 }, e: null } }),
    expected: { requests: [{ url: '/p?a=1&b%5B%5D=x&b%5B%5D=y+z&c%5Bd%5D=1' }] },
  },
  'with params that are URLSearchParams': {
    run: ({ client, origin }) => client.get(`${origin}/p`, { params: new URLSearchParams({ q: 'a&b' }) }),
    expected: { requests: [{ url: '/p?q=a%26b' }] },
  },
  'with a paramsSerializer': {
    run: ({ client, origin }) =>
      client.get(`${origin}/p`, { params: { a: 1 }, paramsSerializer: { serialize: (params) => `all=${params.a}` } }),
    expected: { requests: [{ url: '/p?all=1' }] },
  },
  'with a paramsSerializer that throws': {
    run: ({ client, origin, notes }) =>
      client.get(`${origin}/p`, {
        params: { a: 1 },
        paramsSerializer: {
          serialize: () => {
            notes.push('asked')
            throw new Error('cannot serialize')
          },
        },
      }),
    expected: { outcome: { message: 'cannot serialize' }, notes: ['asked'], requests: [] },
  },
  'with baseURL and a relative url': {
    run: ({ client, origin }) => client.get('users?x=1', { baseURL: `${origin}/v1` }),
    expected: { requests: [{ url: '/v1/users?x=1' }], outcome: { config: { url: 'users?x=1' } } },
  },
  'with baseURL and slashes to spare': {
    run: ({ client, origin }) => client.get('//users', { baseURL: `${origin}/v1///`, allowAbsoluteUrls: false }),
    expected: { requests: [{ url: '/v1/users' }] },
  },
  'with many slashes at the end of baseURL': {
    run: ({ client, origin }) => client.get('/users', { baseURL: `${origin}////` }),
    expected: { requests: [{ url: '/users' }] },
  },
  'with baseURL alone': {
    run: ({ client, origin }) => client.request({ baseURL: `${origin}/v1/` }),
    expected: { requests: [{ url: '/v1/' }] },
  },
  'with baseURL of the client': {
    run: ({ client, origin }) => {
      client.defaults.baseURL = `${origin}/v2`
      return client.get('/users')
    },
    expected: {
      requests: [{ url: '/v2/users' }],
      outcome: { config: { baseURL: 'http://SERVICE/v2', asWritten: true } },
    },
  },
  'with baseURL and an absolute url': {
    run: ({ client, origin }) => client.get(`${origin}/absolute`, { baseURL: 'http://other.example/v1' }),
    expected: { requests: [{ url: '/absolute' }] },
  },
  'with baseURL and an absolute url that is not allowed': {
    run: ({ client, origin }) =>
      client.get('http://other.example/x', { baseURL: `${origin}/v1`, allowAbsoluteUrls: false }),
    expected: { requests: [{ url: '/v1/http://other.example/x' }] },
  },
  'that is a URL object': {
    run: ({ client, origin }) => client.get(new URL('/object', origin) as unknown as string),
    expected: { requests: [{ url: '/object' }] },
  },
  'that is relative, without a base': {
    run: ({ client }) => client.get('/nowhere'),
    expected: { outcome: { name: 'TypeError', message: 'Invalid URL' }, requests: [] },
  },
  'that lacks its slashes': {
    run: ({ client }) => client.get('http:user-service/x'),
    expected: { requests: [] },
  },
  'that is a data: URL': {
    run: ({ client }) => client.get('data:text/plain;base64,aGVsbG8=', { responseType: 'text' }),
    expected: { outcome: { status: 200, data: 'hello' } },
  },
  'with another protocol': {
    run: ({ client }) => client.get('ftp://user-service/x'),
    expected: { outcome: { code: 'ERR_BAD_REQUEST', message: 'Unsupported protocol ftp:' } },
  },
})

describeParity('the headers of a request', {
  'are those of the caller': {
    run: ({ client, origin }) =>
      client.get(origin, { headers: { 'X-Trace': '7', Accept: 'text/plain', Cookie: 'a=b', 'User-Agent': 'test' } }),
    expected: {
      requests: [{ headers: { 'x-trace': '7', accept: 'text/plain', cookie: 'a=b', 'user-agent': 'test' } }],
    },
  },
  'can be taken away, and given twice': {
    run: ({ client, origin }) =>
      client.get(origin, { headers: { 'User-Agent': false, Accept: null, 'X-Many': ['a', 'b'] } as never }),
    expected: { requests: [{ headers: { 'x-many': 'a, b' } }] },
  },
  'keep a Host of the caller': {
    run: ({ client, origin }) => client.get(origin, { headers: { Host: 'front.example' } }),
    expected: { requests: [{ headers: { host: 'front.example' } }] },
  },
  'have credentials of auth': {
    run: ({ client, origin }) =>
      client.get(origin, { auth: { username: 'ann', password: 'p:w' }, headers: { Authorization: 'Bearer x' } }),
    expected: { requests: [{ headers: { authorization: `Basic ${btoa('ann:p:w')}` } }] },
  },
  'have credentials of the URL': {
    run: ({ client, origin }) => client.get(`${origin.replace('//', '//ann:p%40w@')}/x`),
    expected: { requests: [{ headers: { authorization: `Basic ${btoa('ann:p@w')}` } }] },
  },
  'come from interceptors, which are called in their order': {
    run: async ({ client, origin, notes }) => {
      client.interceptors.request.use((config) => {
        notes.push('request', config.url)
        config.headers.set('X-Intercepted', 'yes')
        return config
      })
      client.interceptors.response.use((response) => {
        notes.push('response', response.config.url)
        return response
      })
      return client.get(`${origin}/x`)
    },
    expected: {
      requests: [{ headers: { 'x-intercepted': 'yes' } }],
      notes: ['request', 'http://SERVICE/x', 'response', 'http://SERVICE/x'],
    },
  },
})

function form(): FormData {
  const data = new FormData()
  data.append('name', 'Ann')
  data.append('file', new Blob(['contents'], { type: 'text/plain' }), 'a.txt')
  return data
}

const bytes = Buffer.from('bytes \u00e9')

const bodies: Readonly<Record<string, readonly [() => unknown, object]>> = {
  'an object, as JSON': [
    () => ({ a: [1, 2] }),
    { body: '{"a":[1,2]}', headers: { 'content-type': 'application/json' } },
  ],
  'a string': [() => 'text \u00e9', { body: 'text \u00e9' }],
  'a Buffer': [() => bytes, { body: 'bytes \u00e9' }],
  'an ArrayBuffer': [() => new Uint8Array(bytes).buffer, { body: 'bytes \u00e9' }],
  'a Uint8Array': [() => new Uint8Array(bytes), { body: 'bytes \u00e9' }],
  URLSearchParams: [() => new URLSearchParams({ a: '1 2' }), { body: 'a=1+2' }],
  'a FormData': [form, { body: expect.stringContaining('contents') }],
  'a Blob': [() => new Blob(['blob'], { type: 'text/css' }), { body: 'blob', headers: { 'content-type': 'text/css' } }],
  'a stream': [() => Readable.from(['one ', 'two']), { body: 'one two' }],
  nothing: [() => undefined, { body: '' }],
  null: [() => null, { body: '' }],
}

for (const method of ['post', 'put'] as const) {
  describeParity(
    `the body of a ${method}`,
    Object.fromEntries(
      Object.entries(bodies).map(([name, [data, expected]]): [string, Scenario] => [
        name,
        {
          run: ({ client, origin }) => client.request({ method, url: `${origin}/x`, data: data() }),
          expected: { requests: [expected] },
        },
      ]),
    ),
  )
}

describeParity('the body of a request', {
  'is urlencoded by the content type': {
    run: ({ client, origin }) =>
      client.post(origin, { a: { b: 1 } }, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }),
    expected: { requests: [{ body: 'a%5Bb%5D=1' }] },
  },
  'is multipart by postForm': {
    run: ({ client, origin }) => client.postForm(origin, { a: 1 }),
    expected: { requests: [{ body: expect.stringContaining('name="a"') }] },
  },
  'is sent with a DELETE': {
    run: ({ client, origin }) => client.delete(origin, { data: { a: 1 } }),
    expected: { requests: [{ body: '{"a":1}' }] },
  },
  'goes through transformRequest, once': {
    run: ({ client, origin, notes }) =>
      client.post(origin, 'x', {
        transformRequest: (data: unknown, headers: AxiosHeaders) => {
          notes.push(data)
          headers.set('X-Transformed', 'yes')
          return `${String(data)}!`
        },
      }),
    expected: { requests: [{ body: 'x!', headers: { 'x-transformed': 'yes' } }], notes: ['x'] },
  },
  'reports its upload': {
    run: async ({ client, origin, notes }) => {
      let last: unknown
      const response = await client.put(origin, Buffer.alloc(300_000), {
        onUploadProgress: ({ loaded, total, upload }) => {
          last = { loaded, total, upload }
        },
      })
      notes.push(last)
      return response
    },
    respond: (_request, response) => response.end(),
    expected: { notes: [{ loaded: 300_000, total: 300_000, upload: true }] },
  },
  'of a type that cannot be sent': {
    run: ({ client, origin }) => client.put(origin, 7, { transformRequest: (data: unknown) => data }),
    expected: { outcome: { code: 'ERR_BAD_REQUEST' }, requests: [] },
  },
  'beyond maxBodyLength': {
    run: ({ client, origin }) => client.put(origin, 'x'.repeat(101), { maxBodyLength: 100 }),
    expected: { outcome: { code: 'ERR_BAD_REQUEST', message: 'Request body larger than maxBodyLength limit' } },
  },
  'that is a FormData beyond maxBodyLength': {
    run: ({ client, origin, notes }) => {
      let forms = 0
      const data = form()
      const entries = data[Symbol.iterator].bind(data)
      data.entries = () => {
        notes.push(++forms)
        return entries()
      }
      return client.put(origin, data, { maxBodyLength: 100 })
    },
    expected: { outcome: { code: 'ERR_BAD_REQUEST', message: 'Request body larger than maxBodyLength limit' } },
  },
  'that is a stream beyond maxBodyLength': {
    run: ({ client, origin }) => client.put(origin, Readable.from(['x'.repeat(101)]), { maxBodyLength: 100 }),
    expected: { outcome: { code: 'ERR_BAD_REQUEST', message: 'Request body larger than maxBodyLength limit' } },
  },
  'that is a stream which fails': {
    run: ({ client, origin }) =>
      client.put(
        origin,
        Readable.from(
          (async function* () {
            yield 'x'
            throw new Error('disk failure')
          })(),
        ),
      ),
    expected: { outcome: { message: 'disk failure' } },
  },
  'that is a stream which is destroyed': {
    run: ({ client, origin }) => {
      const data = new Readable({ read() {} })
      setImmediate(() => data.destroy())
      return client.put(origin, data)
    },
    expected: { outcome: { message: 'Request stream has been aborted', canceled: true } },
  },
})

describeParity('the global axios with an adapter of the request', {
  'calls that adapter': {
    run: ({ origin, notes }) =>
      axios.get(`${origin}/x`, {
        adapter: async (config) => {
          notes.push(config.url)
          return { status: 200, statusText: 'OK', headers: new AxiosHeaders(), data: 'own', config }
        },
      }),
    expected: { outcome: { data: 'own' }, notes: ['http://SERVICE/x'], requests: [] },
  },
})
