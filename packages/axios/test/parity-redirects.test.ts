import { Readable } from 'node:stream'
import type { AxiosRequestConfig } from 'axios'
import { expect } from 'vitest'
import { describeParity, json, type Respond, type Scenario } from './parity.ts'

/** `/redirect/STATUS` leads to `/target`; `/again/N` leads to itself with one less, down to 0; the rest is told back. */
const respond: Respond = ({ method, url, headers, body }, response) => {
  const [, kind, number = ''] = url.split(/[/?]/)
  if (kind === 'redirect') response.writeHead(Number(number), { location: '/target?x=1#f' }).end()
  else if (kind === 'again' && number !== '0')
    response.writeHead(302, { location: `/again/${Number(number) - 1}` }).end()
  else json(response, { method, url, body, authorization: headers.authorization, cookie: headers.cookie })
}

function again(times: number, config: AxiosRequestConfig): Scenario['run'] {
  return ({ client, origin }) => client.get(`${origin}/again/${times}`, config)
}

const tooMany = { code: 'ERR_FR_TOO_MANY_REDIRECTS', message: 'Maximum number of redirects exceeded' }

describeParity('the number of redirects', {
  'is not limited below 21': { respond, run: again(21, {}), expected: { outcome: { status: 200 } } },
  'is limited to 21': { respond, run: again(22, {}), expected: { outcome: tooMany } },
  'is 0 with maxRedirects 0': {
    respond,
    run: again(1, { maxRedirects: 0 }),
    expected: { outcome: { message: 'Request failed with status code 302' }, requests: [{}] },
  },
  'is 0 with maxRedirects 0, and the redirect is given when it is accepted': {
    respond,
    run: again(1, { maxRedirects: 0, validateStatus: null }),
    expected: { outcome: { status: 302, headers: { location: '/again/0' } } },
  },
  'is 1 with maxRedirects 1': { respond, run: again(1, { maxRedirects: 1 }), expected: { outcome: { status: 200 } } },
  'is not 2 with maxRedirects 1': {
    respond,
    run: again(2, { maxRedirects: 1 }),
    expected: { outcome: tooMany, requests: [{ url: '/again/2' }, { url: '/again/1' }] },
  },
  'is 5 with maxRedirects 5': { respond, run: again(5, { maxRedirects: 5 }), expected: { outcome: { status: 200 } } },
  'is not 6 with maxRedirects 5': { respond, run: again(6, { maxRedirects: 5 }), expected: { outcome: tooMany } },
})

for (const status of [301, 302, 303, 307, 308]) {
  const kept = status > 303
  describeParity(`a ${status}`, {
    'of a GET': {
      respond,
      run: ({ client, origin }) => client.get(`${origin}/redirect/${status}`),
      expected: { outcome: { data: { method: 'GET', url: '/target?x=1' } } },
    },
    'of a HEAD': {
      respond,
      run: ({ client, origin }) => client.head(`${origin}/redirect/${status}`),
      expected: { requests: [{ method: 'HEAD' }, { method: 'HEAD' }] },
    },
    'of a POST': {
      respond,
      run: ({ client, origin }) => client.post(`${origin}/redirect/${status}`, { a: 1 }),
      expected: { outcome: { data: kept ? { method: 'POST', body: '{"a":1}' } : { method: 'GET', body: '' } } },
    },
    'of a PUT': {
      respond,
      run: ({ client, origin }) => client.put(`${origin}/redirect/${status}`, 'text'),
      expected: { outcome: { data: { method: status === 303 ? 'GET' : 'PUT' } } },
    },
    'of a stream': {
      respond,
      run: ({ client, origin }) => client.post(`${origin}/redirect/${status}`, Readable.from(['one ', 'two'])),
      expected: { outcome: { data: { body: kept ? 'one two' : '' } } },
    },
  })
}

describeParity('a redirect', {
  'calls beforeRedirect with the options, the response and the request': {
    respond,
    run: ({ client, origin, notes }) =>
      client.get(`${origin}/redirect/302`, {
        beforeRedirect: (...args: unknown[]) => {
          const [options, response, request] = args as [Record<string, unknown>, Record<string, unknown>, object]
          const { protocol, hostname, path, method, href } = options
          notes.push(args.length, { protocol, hostname, path, method, href }, response.statusCode, request)
          notes.push((response.headers as Record<string, string>).location)
        },
      }),
    expected: { notes: [3, { path: '/target?x=1', method: 'GET' }, 302, { method: 'GET' }, '/target?x=1#f'] },
  },
  'goes where beforeRedirect says, with its headers': {
    respond,
    run: ({ client, origin }) =>
      client.get(`${origin}/redirect/302`, {
        beforeRedirect: (options) => {
          options.path = '/elsewhere'
          options.headers.authorization = 'Bearer fresh'
        },
      }),
    expected: { outcome: { data: { url: '/elsewhere', authorization: 'Bearer fresh' } } },
  },
  'ends with what beforeRedirect throws, after one call': {
    respond,
    run: ({ client, origin, notes }) =>
      client.get(`${origin}/redirect/302`, {
        beforeRedirect: () => {
          notes.push('called')
          throw new Error('not there')
        },
      }),
    expected: {
      outcome: { code: 'ERR_FR_REDIRECTION_FAILURE', message: 'Redirected request failed: not there' },
      notes: ['called'],
      requests: [{}],
    },
  },
  'does not call beforeRedirect beyond the limit': {
    respond,
    run: ({ client, origin, notes }) =>
      client.get(`${origin}/again/2`, { maxRedirects: 1, beforeRedirect: () => notes.push('called') }),
    expected: { outcome: tooMany, notes: ['called'] },
  },
  'within the server keeps credentials of the headers': {
    respond,
    run: ({ client, origin }) =>
      client.get(`${origin}/redirect/302`, { headers: { Authorization: 'Bearer x', Cookie: 'a=b' } }),
    expected: { outcome: { data: { authorization: 'Bearer x', cookie: 'a=b' } } },
  },
  'within the server keeps credentials of auth': {
    respond,
    run: ({ client, origin }) =>
      client.get(`${origin}/redirect/302`, { auth: { username: 'ann', password: 'secret' } }),
    expected: { outcome: { data: { authorization: `Basic ${btoa('ann:secret')}` } } },
  },
  'does not repeat params': {
    respond,
    run: ({ client, origin }) => client.get(`${origin}/redirect/302`, { params: { again: 1 } }),
    expected: { outcome: {} },
  },
  'without a location is a response': {
    respond: (_request, response) => response.writeHead(302).end(),
    run: ({ client, origin }) => client.get(origin),
    expected: { outcome: { status: 302 } },
  },
  'to a protocol that is not known fails once': {
    respond: (_request, response) => response.writeHead(302, { location: 'gopher://x/' }).end(),
    run: ({ client, origin }) => client.get(origin),
    expected: { outcome: { message: expect.stringMatching(/Unsupported protocol gopher/) }, requests: [{}] },
  },
})
