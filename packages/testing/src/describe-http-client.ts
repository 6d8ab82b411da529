import { Readable } from 'node:stream'
import { LoadBalancer, type LoadBalancerEvent, type LoadBalancerOptions, StaticDiscovery, systemClock } from '@lb/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeServiceNames } from './describe-http-client-names.ts'
import { LoopbackBackend } from './loopback-backend.ts'

/** A request that the suite sends through the client under test. */
export interface HttpClientRequest {
  /** The URL, usually `http://user-service/…`. */
  readonly url: string
  /** The method. @default 'GET' */
  readonly method?: string
  /** Headers of the request. */
  readonly headers?: Readonly<Record<string, string>>
  /** The body: text, or a Node stream if the client supports streams. */
  readonly body?: string | Readable
  /** Aborts the request. */
  readonly signal?: AbortSignal
  /** Limit of the whole request in milliseconds, by the client's own option. */
  readonly timeoutMs?: number
}

/** The response that the client under test returned. */
export interface HttpClientResponse {
  /** The status. */
  readonly status: number
  /** The whole body as text. */
  readonly body: string
}

/** The client under test, with lb installed. */
export interface HttpClientHarness {
  /** Creates a client. It resolves for every status, and rejects if there is no response. */
  create(lb: LoadBalancer): (request: HttpClientRequest) => Promise<HttpClientResponse>
}

/** What a client can do. The suite tests the declared capabilities. */
export interface HttpClientCapabilities {
  /** Whether bodies can be Node streams. @default true */
  readonly streams?: boolean
  /** Whether the client has its own time limit. @default true */
  readonly timeout?: boolean
}

/** How soon a request that must end early has to end, on any machine. */
const promptlyMs = 2_000
/** How long a request may wait for a silent instance: 2 s, plus a margin for a busy machine. */
const silenceMs = 2_500

/**
 * What every HTTP client with lb installed must do, on real sockets: the service's name becomes an instance, failures
 * move on when that is safe, and every attempt is reported done exactly once.
 *
 *     describeHttpClient('axios', {
 *       create: (lb) => {
 *         const client = loadBalance(axios.create({ validateStatus: () => true, responseType: 'text' }), lb)
 *         return async ({ body, timeoutMs, ...request }) => { ... }
 *       },
 *     })
 */
export function describeHttpClient(
  name: string,
  harness: HttpClientHarness,
  capabilities: HttpClientCapabilities = {},
): void {
  const { streams = true, timeout = true } = capabilities

  describe(`${name} as a load balanced HTTP client`, () => {
    let backends: LoopbackBackend[]
    let lb: LoadBalancer
    let finished: LoadBalancerEvent[]
    let send: (request: HttpClientRequest) => Promise<HttpClientResponse>

    beforeEach(async () => {
      backends = await Promise.all(['a', 'b', 'c'].map((id) => LoopbackBackend.start({ id })))
      use({})
    })

    afterEach(async () => {
      await lb.close()
      await Promise.all(backends.map((backend) => backend.stop()))
    })

    function use(options: Partial<LoadBalancerOptions>): void {
      lb = new LoadBalancer({
        discovery: new StaticDiscovery({ 'user-service': backends.map(({ address }) => address) }),
        retry: { backoffBaseMs: 1 },
        ...options,
      })
      finished = []
      lb.subscribe((event) => {
        if (event.type === 'request-finished') finished.push(event)
      })
      send = harness.create(lb)
    }

    const requests = (): number => backends.reduce((sum, backend) => sum + backend.requests.length, 0)

    async function expectAllDone(attempts: number): Promise<void> {
      await seen(() => finished.length >= attempts)
      expect(finished).toHaveLength(attempts)
      expect(lb.inspect('user-service').inFlight).toBe(0)
    }

    it('sends a request to an instance of the service named by the host', async () => {
      const response = await send({ url: 'http://user-service/v1/profile?x=1&y=%20' })
      expect(response.status).toBe(200)
      expect(JSON.parse(response.body)).toMatchObject({ method: 'GET', url: '/v1/profile?x=1&y=%20' })
      await expectAllDone(1)
    })

    it('takes the instances in turn', async () => {
      for (let number = 0; number < 9; number++) await send({ url: 'http://user-service/' })
      expect(backends.map((backend) => backend.requests.length)).toEqual([3, 3, 3])
    })

    it('keeps the query and escapes of the path', async () => {
      const response = await send({ url: 'http://user-service/a%2Fb/c?d=e%2Ff&g' })
      expect(JSON.parse(response.body).url).toBe('/a%2Fb/c?d=e%2Ff&g')
    })

    it('sends method, headers and body on', async () => {
      const headers = { 'content-type': 'text/plain', 'x-trace': '7' }
      const response = await send({ url: 'http://user-service/', method: 'POST', headers, body: 'hello' })
      expect(JSON.parse(response.body)).toMatchObject({ method: 'POST', body: 'hello', headers: { 'x-trace': '7' } })
    })

    it('leaves a URL alone whose host is an address', async () => {
      const [backend] = backends as [LoopbackBackend, LoopbackBackend, LoopbackBackend]
      const response = await send({ url: `${backend.url}/direct` })
      expect(JSON.parse(response.body)).toMatchObject({ id: 'a', url: '/direct' })
      expect(finished).toEqual([])
    })

    it('moves a GET on when an instance refuses connections, without a failure', async () => {
      await backends[0]?.stop()
      for (let number = 0; number < 12; number++) {
        expect((await send({ url: 'http://user-service/' })).status).toBe(200)
      }
      expect(backends.map((backend) => backend.requests.length)).toEqual([0, 6, 6])
      await expectAllDone(16)
    })

    it('moves a POST on when an instance refuses connections: it was never sent', async () => {
      await backends[0]?.stop()
      for (let number = 0; number < 6; number++) {
        expect((await send({ url: 'http://user-service/', method: 'POST', body: 'x' })).status).toBe(200)
      }
      expect(requests()).toBe(6)
    })

    it.each(['reset', 'close', 'reset-in-body'] as const)('moves a GET on after a %s', async (fault) => {
      if (backends[0] !== undefined) backends[0].script = { fault }
      for (let number = 0; number < 6; number++) {
        expect((await send({ url: 'http://user-service/' })).status).toBe(200)
      }
      await expectAllDone(6 + (backends[0]?.requests.length ?? 0))
    })

    it('never repeats a POST that may have been executed', async () => {
      for (const backend of backends) backend.script = { fault: 'reset' }
      await expect(send({ url: 'http://user-service/', method: 'POST', body: 'x' })).rejects.toThrow()
      expect(requests()).toBe(1)
      await expectAllDone(1)
    })

    it('repeats a POST with an Idempotency-Key', async () => {
      if (backends[0] !== undefined) backends[0].script = { fault: 'reset' }
      for (let number = 0; number < 3; number++) {
        const headers = { 'idempotency-key': String(number) }
        expect((await send({ url: 'http://user-service/', method: 'POST', headers, body: 'x' })).status).toBe(200)
      }
      expect(requests()).toBe(4)
    })

    it('moves a GET on after a 503, and gives the 503 when every instance says so', async () => {
      if (backends[0] !== undefined) backends[0].script = { status: 503 }
      for (let number = 0; number < 6; number++) {
        expect((await send({ url: 'http://user-service/' })).status).toBe(200)
      }
      for (const backend of backends) backend.script = { status: 503 }
      expect((await send({ url: 'http://user-service/' })).status).toBe(503)
      await expectAllDone(requests())
    })

    it.each([404, 401, 409, 422])(
      'sends a request once that is answered with %d, and blames no instance',
      async (status) => {
        for (const backend of backends) backend.script = { status }
        for (let number = 0; number < 30; number++) await send({ url: 'http://user-service/' })
        await expectAllDone(30)
        expect(requests()).toBe(30)
        expect(lb.inspect('user-service').instances.map(({ state }) => state)).toEqual(Array(3).fill('available'))
      },
    )

    describe('with one instance', () => {
      let only: LoopbackBackend

      beforeEach(async () => {
        await lb.close()
        only = backends[0] as LoopbackBackend
        useOnly({})
      })

      function useOnly(options: Partial<LoadBalancerOptions>): void {
        use({ discovery: new StaticDiscovery({ 'user-service': [only.address] }), ...options })
      }

      it('does not go back to it after an attempt timed out', async () => {
        await lb.close()
        useOnly({ retry: { backoffBaseMs: 1, attemptTimeoutMs: 50 } })
        only.script = { fault: 'black-hole' }
        await expect(send({ url: 'http://user-service/' })).rejects.toThrow()
        await expectAllDone(1)
      })

      it('makes a new connection to it when a reused one breaks under a GET', async () => {
        expect((await send({ url: 'http://user-service/' })).status).toBe(200)
        only.script = (_request, number) => (number === 2 ? { fault: 'reset' } : {})
        expect((await send({ url: 'http://user-service/' })).status).toBe(200)
        await expectAllDone(3)
      })

      it('hands a Retry-After on that is more than a few seconds', async () => {
        only.script = { status: 503, headers: { 'retry-after': '20' } }
        const startedAt = systemClock.now()
        expect((await send({ url: 'http://user-service/' })).status).toBe(503)
        expect(systemClock.now() - startedAt).toBeLessThan(promptlyMs)
        await expectAllDone(1)
      })
    })

    it('moves a GET on at the head of a 503 whose body never comes', async () => {
      for (const backend of backends.slice(0, 2)) backend.script = { status: 503, fault: 'stall-in-body' }
      const startedAt = systemClock.now()
      for (let number = 0; number < 2; number++) {
        expect((await send({ url: 'http://user-service/' })).status).toBe(200)
      }
      expect(systemClock.now() - startedAt).toBeLessThan(promptlyMs)
    })

    it.each(['102 Processing', '103 Early Hints'])('takes a %s for no answer', async (interim) => {
      const raw = `HTTP/1.1 ${interim}\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood`
      for (const backend of backends) backend.script = { raw }
      expect(await send({ url: 'http://user-service/' })).toMatchObject({ status: 200, body: 'good' })
      const post = { url: 'http://user-service/', method: 'POST', body: 'x' }
      expect(await send(post)).toMatchObject({ status: 200, body: 'good' })
      expect(requests()).toBe(2)
    })

    it('sends no request twice because of a 100 Continue that was not asked for', async () => {
      const raw = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood'
      for (const backend of backends) backend.script = { raw }
      // Some transports cannot read what follows.
      const settled = await Promise.allSettled([
        send({ url: 'http://user-service/' }),
        send({ url: 'http://user-service/', method: 'POST', body: 'x' }),
      ])
      for (const each of settled) {
        if (each.status === 'fulfilled') expect(each.value).toMatchObject({ status: 200, body: 'good' })
      }
      expect(requests()).toBe(2)
    })

    it('gives an answer, or refuses it, however many fields it has', async () => {
      const fields = Array.from({ length: 5_000 }, (_, index) => `${index.toString(36)}:\r\n`).join('')
      const raw = `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n${fields}\r\ngood`
      for (const backend of backends) backend.script = { raw }
      const [settled] = await Promise.allSettled([send({ url: 'http://user-service/' })])
      if (settled.status === 'fulfilled') expect(settled.value).toMatchObject({ status: 200, body: 'good' })
      expect(requests()).toBe(1)
    })

    it('gives a 404 as it is', async () => {
      for (const backend of backends) backend.script = { status: 404 }
      expect((await send({ url: 'http://user-service/' })).status).toBe(404)
      await expectAllDone(1)
    })

    it.each(['GET', 'POST'])(
      'sends a %s to the instances that the registry has by now when all it had refuse',
      async (method) => {
        await lb.close()
        let list = backends.slice(0, 2).map(({ address }) => address)
        use({ discovery: { getInstances: async () => list } })
        await lb.ready('user-service')
        await Promise.all(backends.slice(0, 2).map((backend) => backend.stop()))
        list = backends.slice(2).map(({ address }) => address)
        const body = method === 'POST' ? { body: 'x' } : {}
        const startedAt = systemClock.now()
        expect((await send({ url: 'http://user-service/', method, ...body })).status).toBe(200)
        expect(systemClock.now() - startedAt).toBeLessThan(promptlyMs)
        await expectAllDone(finished.length)
      },
    )

    it('gives the 503 it has when the load balancer is closed before the retry', async () => {
      await lb.close()
      use({ retry: { backoffBaseMs: 4_000, backoffMaxMs: 4_000 }, random: () => 0.99 })
      for (const backend of backends) backend.script = { status: 503, body: 'try again' }
      const answer = send({ url: 'http://user-service/' })
      await seen(() => finished.length === 1)
      await lb.close()
      expect(await answer).toEqual({ status: 503, body: 'try again' })
      expect(requests()).toBe(1)
    })

    it('lets requests end with drainMs, and refuses those that come then', async () => {
      for (const backend of backends) backend.script = { latencyMs: 100, body: 'good' }
      const answer = send({ url: 'http://user-service/' })
      await seen(() => requests() === 1)
      const closed = lb.close({ drainMs: promptlyMs })
      await expect(send({ url: 'http://user-service/' })).rejects.toThrow()
      expect(await answer).toMatchObject({ status: 200, body: 'good' })
      const startedAt = systemClock.now()
      await closed
      expect(systemClock.now() - startedAt).toBeLessThan(promptlyMs)
      expect(requests()).toBe(1)
    })

    it('fails soon when every instance is down, after one attempt on each', async () => {
      await Promise.all(backends.map((backend) => backend.stop()))
      await expect(send({ url: 'http://user-service/' })).rejects.toThrow()
      await expectAllDone(3)
    })

    it('fails when the service has no instances', async () => {
      await expect(send({ url: 'http://nobody/' })).rejects.toThrow(/nobody/)
      expect(lb.inspect().map(({ service }) => service)).not.toContain('nobody')
    })

    it('ends at once when the caller aborts, and reports the attempt done', async () => {
      for (const backend of backends) backend.script = { fault: 'black-hole' }
      const controller = new AbortController()
      const startedAt = systemClock.now()
      const failure = expect(send({ url: 'http://user-service/', signal: controller.signal })).rejects.toThrow()
      await seen(() => requests() === 1)
      controller.abort()
      await failure
      expect(systemClock.now() - startedAt).toBeLessThan(promptlyMs)
      await expectAllDone(1)
    })

    if (timeout) {
      it('ends at its time limit when nobody answers, and reports the attempt done', async () => {
        for (const backend of backends) backend.script = { fault: 'black-hole' }
        const startedAt = systemClock.now()
        await expect(send({ url: 'http://user-service/', timeoutMs: 100 })).rejects.toThrow()
        expect(systemClock.now() - startedAt).toBeLessThan(promptlyMs)
        await expectAllDone(1)
      })

      it('moves on within the time limit when an attempt takes too long', async () => {
        await lb.close()
        use({ retry: { backoffBaseMs: 1, attemptTimeoutMs: 50 } })
        if (backends[0] !== undefined) backends[0].script = { fault: 'black-hole' }
        for (let number = 0; number < 3; number++) {
          expect((await send({ url: 'http://user-service/', timeoutMs: 1_500 })).status).toBe(200)
        }
        await expectAllDone(4)
      })
    }

    if (streams) {
      it('sends a stream once, and does not repeat it', async () => {
        for (const backend of backends) backend.script = { status: 503 }
        const body = Readable.from(['one ', 'two'])
        expect((await send({ url: 'http://user-service/', method: 'PUT', body })).status).toBe(503)
        expect(backends.flatMap((backend) => backend.requests.map((request) => request.body))).toEqual(['one two'])
        await expectAllDone(1)
      })
    }

    describe('an instance that falls silent', () => {
      /** Sends a GET; gives how long it took. */
      async function timed(): Promise<number> {
        const startedAt = systemClock.now()
        expect((await send({ url: 'http://user-service/' })).status).toBe(200)
        return systemClock.now() - startedAt
      }

      async function expectOthersKept(): Promise<void> {
        await seen(() => lb.inspect('user-service').inFlight === 0)
        const others = lb
          .inspect('user-service')
          .instances.filter(({ instance }) => instance.id !== backends[0]?.address)
        expect(others.map(({ state }) => state)).toEqual(['available', 'available'])
      }

      it.each([1, 3, 10])(
        'holds none of %i callers that each wait for their GET',
        { timeout: 20_000 },
        async (callers) => {
          const work = async (times: number): Promise<number[]> => {
            const took: number[] = []
            for (let time = 0; time < times; time++) took.push(await timed())
            return took
          }
          const all = async (times: number): Promise<number[]> =>
            (await Promise.all(Array.from({ length: callers }, () => work(times)))).flat()
          await all(4)
          if (backends[0] !== undefined) backends[0].script = { fault: 'black-hole' }
          expect(Math.max(...(await all(10)))).toBeLessThan(silenceMs)
          await expectOthersKept()
        },
      )

      it('holds none of 30 GETs that are sent at once, without any traffic after them', {
        timeout: 20_000,
      }, async () => {
        if (backends[0] !== undefined) backends[0].script = { fault: 'black-hole' }
        expect(Math.max(...(await Promise.all(Array.from({ length: 30 }, timed))))).toBeLessThan(silenceMs)
        await expectOthersKept()
      })

      it('is asked once by a POST, which waits', async () => {
        for (const backend of backends) backend.script = { fault: 'black-hole' }
        const controller = new AbortController()
        const post = { url: 'http://user-service/', method: 'POST', body: 'x', signal: controller.signal }
        const failure = expect(send(post)).rejects.toThrow()
        await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 900))
        expect(requests()).toBe(1)
        controller.abort()
        await failure
        await expectAllDone(1)
      })
    })

    it('reaches a new instance, and leaves a removed one, without a new client', async () => {
      await lb.close()
      const [first, second] = backends as [LoopbackBackend, LoopbackBackend, LoopbackBackend]
      const discovery = new StaticDiscovery({ 'user-service': [first.address] })
      use({ discovery })
      await send({ url: 'http://user-service/' })
      discovery.set('user-service', [second.address])
      expect(JSON.parse((await send({ url: 'http://user-service/' })).body).id).toBe('b')
    })

    describeServiceNames(harness)
  })
}

/** Sockets give no sign when the other side has seen something, so it is looked for. */
async function seen(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: promptlyMs, interval: 2 }).toBe(true)
}
