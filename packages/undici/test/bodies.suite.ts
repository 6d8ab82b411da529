import { Readable } from 'node:stream'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import { Agent, type Dispatcher, FormData } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { createFetch, loadBalanceInterceptor } from '../src/index.ts'
import { Fixture } from './fixture.ts'

function form(): FormData {
  const data = new FormData()
  data.append('field', 'value')
  return data
}

async function* chunks(): AsyncGenerator<Buffer> {
  yield Buffer.from('body')
}

const webStream = (): ReadableStream =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('body'))
      controller.close()
    },
  })

/** Two backends, the first of which accepts the request and resets: what is idempotent is sent again, in full. */
const repeatable: [string, () => unknown, RegExp][] = [
  ['string', () => 'body', /^body$/],
  ['Buffer', () => Buffer.from('body'), /^body$/],
  ['Uint8Array', () => new TextEncoder().encode('body'), /^body$/],
  ['FormData', form, /name="field"\r\n\r\nvalue\r\n/],
  ['Blob', () => new Blob(['bo', 'dy']), /^body$/],
]

describe('bodies through the interceptor', () => {
  it.each(repeatable)('sends a %s again, whole', async (_kind, make, expected) => {
    await using fixture = await Fixture.start()
    fixture.backend.script = { fault: 'reset' }
    for (let number = 0; number < 2; number++) {
      const response = await fixture.request({ method: 'PUT', body: make() as string })
      expect(response.statusCode).toBe(200)
      await response.body.dump()
    }
    expect(fixture.requests).toHaveLength(3)
    for (const request of fixture.requests) expect(request.body).toMatch(expected)
  })

  const once: [string, () => unknown][] = [
    ['Readable', () => Readable.from([Buffer.from('bo'), Buffer.from('dy')])],
    ['generator', chunks],
    ['ReadableStream', webStream],
  ]

  it.each(once)('moves a %s on when the instance refuses connections', async (_kind, make) => {
    await using fixture = await Fixture.start()
    await fixture.backend.stop()
    for (let number = 0; number < 2; number++) {
      const response = await fixture.request({ method: 'POST', body: make() as Readable })
      expect(response.statusCode).toBe(200)
      await response.body.dump()
    }
    expect(fixture.requests.map(({ body }) => body)).toEqual(['body', 'body'])
  })

  it.each(once)('never sends a %s twice', async (_kind, make) => {
    await using fixture = await Fixture.start()
    for (const backend of fixture.backends) backend.script = { fault: 'reset' }
    await expect(fixture.request({ method: 'PUT', body: make() as Readable })).rejects.toThrow()
    expect(fixture.requests.map(({ body }) => body)).toEqual(['body'])
    await fixture.allDone(1)
  })

  it('reads headers from an iterator once for all attempts', async () => {
    await using fixture = await Fixture.start()
    fixture.backend.script = { status: 503 }
    const fields = function* (): Generator<[string, string]> {
      yield ['x-trace', '7']
    }
    for (let number = 0; number < 2; number++) await (await fixture.request({ headers: fields() })).body.dump()
    expect(fixture.requests.map(({ headers }) => headers['x-trace'])).toEqual(['7', '7', '7'])
  })

  type Given = Dispatcher.RequestOptions
  it.each<[string, Pick<Given, 'headers'>, (given: Given, value: string) => void]>([
    ['a record', { headers: {} }, ({ headers }, value) => Object.assign(headers as object, { 'x-id': value })],
    ['a list of values', { headers: { 'x-id': ['0'] } }, ({ headers }, value) => setFirst(headers, value)],
    ['a list', { headers: ['x-id', '0'] }, ({ headers }, value) => (headers as string[]).splice(1, 1, value)],
    ['a Map', { headers: new Map() }, ({ headers }, value) => (headers as Map<string, string>).set('x-id', value)],
    ['Headers', { headers: new Headers() }, ({ headers }, value) => (headers as Headers).set('x-id', value)],
    ['the options', {}, (given, value) => Object.assign(given, { headers: { 'x-id': value } })],
  ])(
    'sends the headers of the moment, in all attempts, although the caller changes %s',
    async (_kind, first, change) => {
      let open = (): void => {}
      const opened = new Promise<void>((resolve) => {
        open = resolve
      })
      const refusing = await LoopbackBackend.start({ id: 'refusing' })
      refusing.script = { status: 503 }
      const serving = await LoopbackBackend.start({ id: 'serving' })
      const addresses = [refusing, serving].map(({ address }) => address)
      const discovery = { getInstances: () => opened.then(() => addresses) }
      await using lb = new LoadBalancer({ discovery, retry: { backoffBaseMs: 1 }, outlierDetection: false })
      const dispatcher = new Agent().compose(loadBalanceInterceptor(lb))
      const given: Given = { origin: 'http://user-service', path: '/', method: 'GET', ...first }
      const sent = ['1', '2', '3', '4'].map((value) => {
        change(given, value)
        return dispatcher.request(given).then(({ body }) => body.dump())
      })
      change(given, 'later')
      open()
      await Promise.all(sent)
      const ids = serving.requests.map(({ headers }) => headers['x-id'])
      expect(ids).toHaveLength(4)
      expect(new Set(ids)).toEqual(new Set(['1', '2', '3', '4']))
      expect(refusing.requests.length).toBeGreaterThan(0)
      await dispatcher.destroy()
      await Promise.all([refusing.stop(), serving.stop()])
    },
  )

  it('sends the same again, although an interceptor changes what it was given', async () => {
    await using fixture = await Fixture.start()
    for (const backend of fixture.backends) backend.script = (_request, number) => (number === 1 ? { status: 503 } : {})
    const prefixing: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (request, handler) => {
      request.path = `/prefix${request.path}`
      return dispatch(request, handler)
    }
    const dispatcher = fixture.agent.compose(prefixing).compose(loadBalanceInterceptor(fixture.lb))
    const { body } = await dispatcher.request({ origin: 'http://user-service', path: '/', method: 'GET' })
    await body.dump()
    expect(fixture.requests.length).toBeGreaterThan(1)
    expect(new Set(fixture.requests.map(({ url }) => url))).toEqual(new Set(['/prefix/']))
  })
})

function setFirst(headers: Dispatcher.RequestOptions['headers'], value: string): void {
  const { 'x-id': values }: { 'x-id'?: unknown } = Object(headers)
  if (Array.isArray(values)) values[0] = value
}

describe('bodies through fetch', () => {
  const ofFetch: [string, () => unknown, RegExp][] = [
    ...repeatable,
    ['URLSearchParams', () => new URLSearchParams({ a: '1' }), /^a=1$/],
    [
      'FormData of the platform',
      () => {
        const data = new globalThis.FormData()
        data.append('field', 'value')
        return data
      },
      /name="field"\r\n\r\nvalue\r\n/,
    ],
  ]

  it.each(ofFetch)('sends a %s again, whole', async (_kind, make, expected) => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    fixture.backend.script = { fault: 'reset' }
    for (let number = 0; number < 2; number++) {
      const response = await fetch('http://user-service/', { method: 'PUT', body: make() as string })
      expect(response.status).toBe(200)
      await response.text()
    }
    expect(fixture.requests).toHaveLength(3)
    for (const request of fixture.requests) expect(request.body).toMatch(expected)
  })

  it('sends a ReadableStream once', async () => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    for (const backend of fixture.backends) backend.script = { fault: 'reset' }
    const headers = { 'content-length': '4' }
    for (const more of [{}, { headers }]) {
      const init = { method: 'PUT', body: webStream(), duplex: 'half', ...more } as RequestInit
      await expect(fetch('http://user-service/', init)).rejects.toThrow('fetch failed')
    }
    expect(fixture.requests.map(({ body }) => body)).toEqual(['body', 'body'])
  })

  it('takes a Request, of the platform too', async () => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    const request = new Request('http://user-service/path', {
      method: 'POST',
      headers: { 'x-trace': '7' },
      body: 'body',
    })
    expect(await (await fetch(request)).json()).toMatchObject({
      method: 'POST',
      url: '/path',
      body: 'body',
      headers: { 'x-trace': '7' },
    })
  })

  it('hedges a request with a body: both instances get all of it', async () => {
    await using fixture = await Fixture.start({ lb: { hedge: { delayMs: 5 } } as never })
    await using fetch = createFetch(fixture.lb)
    fixture.backend.script = { fault: 'black-hole' }
    for (let number = 0; number < 2; number++) {
      const response = await fetch('http://user-service/', { method: 'PUT', body: 'body' })
      expect(await response.json()).toMatchObject({ id: '1', body: 'body' })
    }
    expect(new Set(fixture.requests.map(({ body }) => body))).toEqual(new Set(['body']))
    await vi.waitFor(() => expect(fixture.lb.inspect('user-service').inFlight).toBe(0))
  })

  it('lets go of a body that is not read', async () => {
    await using fixture = await Fixture.start({ lb: { discovery: new StaticDiscovery({}) } })
    await using fetch = createFetch(fixture.lb)
    const init = { method: 'PUT', body: webStream(), duplex: 'half' } as RequestInit
    await expect(fetch('http://user-service/', init)).rejects.toThrow('fetch failed')
    expect(fixture.lb.inspect().map(({ service }) => service)).toEqual([])
  })

  it('sends a body that is too long to be kept once', async () => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    for (const backend of fixture.backends) backend.script = { status: 503, body: '' }
    const body = new Uint8Array(4_194_305)
    expect((await fetch('http://user-service/', { method: 'PUT', body })).status).toBe(503)
    expect((await fetch('http://user-service/', { method: 'PUT', body: body.subarray(1) })).status).toBe(503)
    const lengths = fixture.requests.map((request) => request.body.length)
    expect(lengths.filter((length) => length === body.length)).toHaveLength(1)
    expect(lengths).toHaveLength(4)
  })
})
