import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { type BackendBehaviour, instance, LoopbackBackend } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HealthChecker } from '../src/health/checks/checker.ts'
import { httpProbe } from '../src/health/checks/http-probe.ts'
import type { HttpProbeOptions } from '../src/health/checks/options.ts'
import { verdictOfError, verdictOfResult } from '../src/health/checks/verdict.ts'
import type { ServiceInstance } from '../src/instance/instance.ts'

let backend: LoopbackBackend

beforeEach(async () => {
  backend = await LoopbackBackend.start()
})

afterEach(async () => {
  vi.unstubAllGlobals()
  await backend.stop()
})

const backendInstance = (): ServiceInstance => instance('a', { host: backend.host, port: backend.port })

type Verdict = ReturnType<typeof verdictOfResult>

function probe(
  options: HttpProbeOptions = {},
  target: ServiceInstance = backendInstance(),
  signal: AbortSignal = new AbortController().signal,
): Promise<Verdict> {
  return Promise.resolve(httpProbe(options)(target, { signal })).then(verdictOfResult, verdictOfError)
}

async function eventually(value: () => unknown, expected: unknown): Promise<void> {
  await expect.poll(value, { interval: 2, timeout: 5_000 }).toEqual(expected)
}

const ok = (reason: string): Verdict => ({ healthy: true, reason, immediate: false })
const failure = (reason: string): Verdict => ({ healthy: false, reason, immediate: false })

describe('the HTTP probe', () => {
  it('asks for GET /health and takes 200 for healthy', async () => {
    expect(await probe()).toEqual(ok('GET /health answered 200'))
    expect(backend.requests).toMatchObject([{ method: 'GET', url: '/health', body: '' }])
  })

  it.each([[204], [301], [404], [500], [503]])('takes %i for a failure', async (status) => {
    backend.script = { status, body: '', headers: { location: '/elsewhere' } }
    expect(await probe()).toEqual(failure(`GET /health answered ${status}`))
    // No redirect was followed.
    expect(backend.requests).toHaveLength(1)
  })

  it('takes the statuses it was given, and no other', async () => {
    const expectedStatuses = [204, 302]
    const verdicts: boolean[] = []
    for (const status of [200, 204, 302, 303]) {
      backend.script = { status, body: '', headers: { location: '/elsewhere' } }
      verdicts.push((await probe({ expectedStatuses })).healthy)
    }
    expect(verdicts).toEqual([false, true, true, false])
  })

  it('sends the path, method and headers it was given, and shows neither query nor headers', async () => {
    const options = {
      path: '/ready?token=hunter2',
      method: 'HEAD',
      headers: { authorization: 'Bearer hunter2' },
    }
    expect(await probe(options)).toEqual(ok('HEAD /ready answered 200'))
    expect(backend.requests).toMatchObject([
      { method: 'HEAD', url: '/ready?token=hunter2', headers: { authorization: 'Bearer hunter2' } },
    ])
    backend.script = { status: 401 }
    expect(await probe(options)).toEqual(failure('HEAD /ready answered 401'))
    backend.script = { fault: 'reset' }
    expect((await probe(options)).reason).not.toContain('hunter2')
    await backend.stop()
    expect((await probe(options)).reason).not.toContain('hunter2')
  })

  it('keeps to the path, however it looks', async () => {
    await probe({ path: '//other.example/health' })
    expect(backend.requests).toMatchObject([{ url: '//other.example/health' }])
  })

  it('goes to another port when told to', async () => {
    expect(await probe({ port: backend.port }, instance('a', { port: 1 }))).toMatchObject({ healthy: true })
  })

  it.each([['x-immediate-health-check-fail'], ['x-going']])('fails at once for the header %s', async (header) => {
    const options = header === 'x-going' ? { immediateFailHeader: 'X-Going' } : {}
    for (const status of [200, 503]) {
      backend.script = { status, headers: { [header]: 'hunter2' } }
      expect(await probe(options)).toEqual({
        healthy: false,
        immediate: true,
        reason: `GET /health answered ${status} with ${options.immediateFailHeader ?? header}`,
      })
    }
  })

  it('has the body judged, by a function that gets the first 64 KiB of it', async () => {
    const bodies: string[] = []
    const options = {
      expectedBody: (body: string): boolean => {
        bodies.push(body)
        return body.includes('"UP"')
      },
    }
    backend.script = { body: '{"status":"UP","who":"é"}' }
    expect(await probe(options)).toEqual(ok('GET /health answered 200'))
    backend.script = { body: '{"status":"DOWN"}' }
    expect(await probe(options)).toEqual(failure('GET /health answered 200 with an unexpected body'))
    backend.script = { body: `"UP"${'x'.repeat(1_000_000)}` }
    expect(await probe(options)).toMatchObject({ healthy: true })
    backend.script = { status: 500, body: '"UP"' }
    expect(await probe(options)).toEqual(failure('GET /health answered 500'))
    expect(bodies.slice(0, 2)).toEqual(['{"status":"UP","who":"é"}', '{"status":"DOWN"}'])
    expect(bodies[2]).toHaveLength(65_536)
    expect(bodies).toHaveLength(3)
  })

  it('shows a body that is no UTF-8 as such', async () => {
    backend.script = { body: new Uint8Array([0x61, 0xc3]) }
    expect(await probe({ expectedBody: (body) => body === 'a\uFFFD' })).toMatchObject({ healthy: true })
  })

  it('gives the function an empty body when there is none', async () => {
    backend.script = { body: '' }
    for (const method of ['GET', 'HEAD']) {
      expect(await probe({ method, expectedBody: (body) => body === '' })).toMatchObject({ healthy: true })
    }
  })

  it('takes no promise for a verdict on the body, and a throw for a failure', async () => {
    const async = (() => Promise.resolve(false)) as unknown as () => boolean
    expect(await probe({ expectedBody: async })).toEqual(failure('expectedBody did not return a boolean'))
    const throwing = (body: string): boolean => JSON.parse(body.slice(1))
    expect((await probe({ expectedBody: throwing })).reason).toMatch(/JSON/)
  })

  it.each<[BackendBehaviour['fault'], RegExp]>([
    ['reset', /^(?:read ECONNRESET|other side closed)$/],
    ['close', /^other side closed$/],
    ['reset-in-body', /^(?:read ECONNRESET|other side closed)$/],
  ])('says what went wrong: %s', async (fault, reason) => {
    backend.script = { ...(fault === undefined ? {} : { fault }), body: 'x'.repeat(1_000) }
    const { healthy, reason: shown } = await probe({ expectedBody: () => true })
    expect(healthy).toBe(false)
    expect(shown).toMatch(reason)
  })

  it('names the address that refuses, and the port that fetch blocks', async () => {
    const { port } = backend
    const gone = backendInstance()
    await backend.stop()
    expect(await probe({}, gone)).toEqual(failure(`connect ECONNREFUSED 127.0.0.1:${port}`))
    expect((await probe({}, instance('a', { port: 6_000 }))).reason).toContain('give a probe')
  })

  it('speaks TLS to a secure instance', async () => {
    const firstBytes: number[] = []
    const server = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (data) => {
        firstBytes.push(data[0] as number)
        socket.destroy()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    expect((await probe({}, instance('a', { port, secure: true }))).healthy).toBe(false)
    // The type of a TLS handshake record.
    expect(firstBytes).toEqual([22])
    await new Promise((resolve) => server.close(resolve))
  })

  it('puts IPv6 addresses in brackets', async () => {
    const asked: unknown[] = []
    vi.stubGlobal('fetch', (url: unknown) => {
      asked.push(url)
      return Promise.resolve(new Response('ok'))
    })
    await probe({}, instance('a', { host: '2001:db8::1', port: 8_080 }))
    await probe({ port: 9_000 }, instance('a', { host: '2001:db8::1', secure: true }))
    expect(asked).toEqual(['http://[2001:db8::1]:8080/health', 'https://[2001:db8::1]:9000/health'])
  })

  it('leaves no connection to a body that does not end', async () => {
    let server: Server | undefined
    try {
      server = createServer((_request, response) => {
        response.writeHead(200)
        response.write('first')
      })
      await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      expect(await probe({}, instance('a', { port }))).toMatchObject({ healthy: true })
      expect(await probe({ expectedStatuses: [204] }, instance('a', { port }))).toMatchObject({ healthy: false })
      const count = (): Promise<number> =>
        new Promise((resolve) => server?.getConnections((_error, connections) => resolve(connections)))
      await expect.poll(count, { interval: 2, timeout: 5_000 }).toBe(0)
    } finally {
      await new Promise((resolve) => server?.close(resolve))
    }
  })

  it('ends when its signal is aborted, and leaves no connection to a black hole', async () => {
    backend.script = { fault: 'black-hole' }
    const controller = new AbortController()
    const probed = probe({}, undefined, controller.signal)
    await eventually(() => backend.requests.length, 1)
    controller.abort()
    expect(await probed).toMatchObject({ healthy: false })
    await eventually(() => backend.connections, 0)
  })
})

describe('HealthChecker on real sockets', () => {
  const fast = { intervalMs: 5, initialJitterMs: 0, jitter: 0 }

  it('finds a server up, then gone, then back', async () => {
    const told: string[] = []
    const checker = new HealthChecker({ ...fast, timeoutMs: 5_000 })
    checker.watch(backendInstance(), ({ status, reason }) => told.push(`${status}: ${reason}`))
    await eventually(() => told, ['healthy: GET /health answered 200'])
    await backend.stop()
    await eventually(() => told.length, 2)
    expect(told[1]).toBe(`unhealthy: connect ECONNREFUSED ${backend.address}`)
    await backend.restart()
    await eventually(() => told.length, 3)
    expect(told[2]).toBe('healthy: GET /health answered 200')
    checker.close()
  })

  it('gives up on a black hole in time, and leaves no connection to it', async () => {
    backend.script = { fault: 'black-hole' }
    const told: string[] = []
    const checker = new HealthChecker({ ...fast, timeoutMs: 30 })
    checker.watch(backendInstance(), ({ status, reason }) => told.push(`${status}: ${reason}`))
    await eventually(() => told, ['unhealthy: no answer within 30 ms'])
    await eventually(() => backend.requests.length > 2, true)
    checker.close()
    await eventually(() => backend.connections, 0)
  })

  it('aborts the probe in flight when it is closed', async () => {
    backend.script = { fault: 'black-hole' }
    const checker = new HealthChecker({ ...fast, timeoutMs: 60_000 })
    const subscription = checker.watch(backendInstance(), () => {})
    await eventually(() => backend.requests.length, 1)
    checker.close()
    await eventually(() => backend.connections, 0)
    expect(subscription.state.status).toBe('unknown')
  })
})
