import {
  type DiscoveryObserver,
  LoadBalancer,
  NoAvailableInstanceError,
  type ServiceDiscovery,
  type ServiceInstanceInit,
  StaticDiscovery,
} from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import * as undici from 'undici'
import { Agent } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { withDetails } from '../src/errors.ts'
import { createFetch, isLoadBalancedError } from '../src/index.ts'
import { Fixture } from './fixture.ts'

function form(): FormData {
  const data = new FormData()
  data.append('same', '1')
  return data
}

describe('the pool of fetch', () => {
  it('has a limit of connections, at which requests wait', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    await using fetch = createFetch(fixture.lb, { pool: { connections: 1, keepAliveTimeoutMs: 0 } })
    const send = async (): Promise<number> => {
      const response = await fetch('http://user-service/')
      await response.text()
      return response.status
    }
    expect(await Promise.all([send(), send(), send()])).toEqual([200, 200, 200])
    expect(fixture.requests.map(({ headers }) => headers.connection)).toEqual(['close', 'close', 'close'])
  })

  it('has a limit of the header', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    fixture.backend.script = { headers: { 'x-long': 'x'.repeat(3_000) } }
    await using short = createFetch(fixture.lb, { pool: { maxHeaderBytes: 2_048 } })
    await expect(short('http://user-service/')).rejects.toMatchObject({ cause: { code: 'UND_ERR_HEADERS_OVERFLOW' } })
    await using long = createFetch(fixture.lb, { pool: { maxHeaderBytes: 4_096 } })
    expect((await long('http://user-service/')).status).toBe(200)
    expect(fixture.requests).toHaveLength(2)
  })

  it('is not for a dispatcher of the caller', async () => {
    await using fixture = await Fixture.start()
    const options = { dispatcher: fixture.agent, pool: { connections: 1 } }
    expect(() => createFetch(fixture.lb, options)).toThrow('createFetch.pool must be absent when dispatcher is given')
    expect(() => createFetch(fixture.lb, { pool: { connections: 0 } })).toThrow('createFetch.pool.connections')
  })
})

describe('fetch', () => {
  it('shows the URL that the caller wrote', async () => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    const response = await fetch(new URL('http://user-service/path?x=1#top'))
    expect(response.url).toBe('http://user-service/path?x=1')
    await response.text()
  })

  it('balances each step of a redirect', async () => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    for (const backend of fixture.backends) {
      backend.script = ({ url }) => (url === '/a' ? { status: 302, headers: { location: '/b' } } : {})
    }
    const response = await fetch('http://user-service/a')
    expect([response.url, response.redirected]).toEqual(['http://user-service/b', true])
    await response.text()
    expect(fixture.backends.map(({ requests }) => requests.length)).toEqual([1, 1])
    await fixture.allDone(2)
  })

  it('fails as the platform does, with the reason as the cause', async () => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    const error = await fetch('http://nobody/').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).cause).toBeInstanceOf(NoAvailableInstanceError)
    await expect(fetch('not a URL')).rejects.toThrow(TypeError)
  })

  it.each([false, true])(
    'closes connections to an instance that moved (with a request in flight: %s)',
    async (busy) => {
      const [old, next] = [await LoopbackBackend.start({ id: 'old' }), await LoopbackBackend.start({ id: 'new' })]
      const listOf = ({ url }: LoopbackBackend): ServiceInstanceInit[] => {
        const { hostname: host, port } = new URL(url)
        return [{ id: 'web-0', host, port: Number(port) }]
      }
      const discovery = new StaticDiscovery({ 'user-service': listOf(old) })
      await using fixture = await Fixture.start({ lb: { discovery } })
      await using fetch = createFetch(fixture.lb)
      if (busy) old.script = { latencyMs: 50 }
      const sent = fetch('http://user-service/').then((response) => response.text())
      if (busy) await vi.waitFor(() => expect(old.requests).toHaveLength(1))
      else await sent
      discovery.set('user-service', listOf(next))
      await (await fetch('http://user-service/')).text()
      expect(await sent).toContain('"id":"old"')
      await vi.waitFor(() => expect(old.connections).toBe(0))
      expect(next.connections).toBe(1)
      await fixture.lb.close()
      await vi.waitFor(() => expect(next.connections).toBe(0))
      await Promise.all([old.stop(), next.stop()])
    },
  )

  it('closes its own connections, and none of a dispatcher it was given', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const { backend } = fixture
    const agent = new Agent()
    const fetch = createFetch(fixture.lb)
    const other = createFetch(fixture.lb, { dispatcher: agent })
    await (await fetch('http://user-service/')).text()
    await (await other('http://user-service/')).text()
    expect(backend.connections).toBe(2)
    await other.close()
    await fetch.close()
    await vi.waitFor(() => expect(backend.connections).toBe(1))
    await (await other('http://user-service/')).text()
    await agent.close()
  })

  it('lets requests end when it is closed that wait for the first list or a retry, and refuses later ones', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const { backend } = fixture
    backend.script = (_request, number) => (number === 1 ? { status: 503 } : {})
    const watchers: DiscoveryObserver[] = []
    const discovery: ServiceDiscovery = {
      getInstances: async () => [backend.address],
      watch: (_service, observer) => {
        watchers.push(observer)
        return { close: () => {} }
      },
    }
    const lb = new LoadBalancer({ discovery, retry: { backoffBaseMs: 50 }, random: () => 0.99 })
    const fetch = createFetch(lb)
    const answer = fetch('http://user-service/').then((response) => response.status)
    await vi.waitFor(() => expect(watchers).toHaveLength(1))
    const closed = fetch.close()
    await expect(fetch('http://user-service/')).rejects.toMatchObject({ cause: { code: 'UND_ERR_CLOSED' } })
    watchers[0]?.next([backend.address])
    expect(await answer).toBe(200)
    await closed
    await fetch.close()
    expect(backend.requests).toHaveLength(2)
    await vi.waitFor(() => expect(backend.connections).toBe(0))
    await lb.close()
  })

  it('works on with other origins when the load balancer is closed', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    await using fetch = createFetch(fixture.lb)
    await fixture.lb.close()
    expect((await fetch(fixture.backend.url)).status).toBe(200)
    await expect(fetch('http://user-service/')).rejects.toMatchObject({ cause: { code: 'LB_CLOSED' } })
  })

  it('lists the attempts in its error, and so does a dispatcher', async () => {
    await using fixture = await Fixture.start({ lb: { outlierDetection: false } })
    await using fetch = createFetch(fixture.lb)
    const [first, second] = fixture.backends
    if (first !== undefined) first.script = { status: 503 }
    if (second !== undefined) second.script = { fault: 'reset' }
    const failures = await Promise.all([
      fetch('http://user-service/', { method: 'POST', body: 'x' }).catch((error: unknown) => error),
      fetch('http://user-service/', { method: 'POST', body: 'x' }).catch((error: unknown) => error),
      fixture.request({ method: 'POST' }).catch((error: unknown) => error),
      fixture.request({ method: 'POST' }).catch((error: unknown) => error),
    ])
    const errors = failures.filter(isLoadBalancedError)
    expect(errors).toHaveLength(2)
    for (const error of errors) {
      const { service, attempts } = error.loadBalancer
      expect(service).toBe('user-service')
      expect(attempts).toEqual([
        { instance: expect.objectContaining({ id: second?.address }), error: expect.any(Error) },
      ])
      expect(Object.keys(error)).not.toContain('loadBalancer')
    }
  })

  it('gives every request an error of its own, although the transport has one for all', () => {
    const shared = Object.assign(new Error('gone'), { code: 'ECONNRESET' })
    const [one, other] = ['a', 'b'].map((service) => withDetails(shared, { service, attempts: [] }))
    expect([one, other].map((error) => isLoadBalancedError(error) && error.loadBalancer.service)).toEqual(['a', 'b'])
    expect(other).toBeInstanceOf(Error)
    expect(other).toMatchObject({ message: 'gone', code: 'ECONNRESET' })
    expect(withDetails(Object.freeze(new Error('frozen')), { service: 'a', attempts: [] })).toSatisfy(
      isLoadBalancedError,
    )
    expect(withDetails('no error', { service: 'a', attempts: [] })).toBe('no error')
  })

  it.each([
    ['string', () => 'same'],
    ['Buffer', () => Buffer.from('same')],
    ['URLSearchParams', () => new URLSearchParams({ same: '1' })],
    ['FormData of the platform', () => form()],
    ['ReadableStream', () => new Blob(['same']).stream()],
  ])('shows hashKey and idempotent a %s as the caller gave it', async (_kind, make) => {
    await using fixture = await Fixture.start()
    const seen: unknown[] = []
    await using fetch = createFetch(fixture.lb, {
      hashKey: ({ body }) => {
        seen.push(body)
        return 'key'
      },
      idempotent: ({ body }) => {
        seen.push(body)
        return false
      },
    })
    const body = make()
    await (await fetch('http://user-service/', { method: 'POST', body, duplex: 'half' } as RequestInit)).text()
    expect(seen).toEqual([body, body])
    expect(seen.every((each) => each === body)).toBe(true)
    await (await fetch('http://user-service/')).text()
    expect(seen.slice(2)).toEqual([null, null])
  })

  it('takes for a dispatcher what has a dispatch', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const plain = { dispatch: fixture.agent.dispatch.bind(fixture.agent) }
    await using fetch = createFetch(fixture.lb, { dispatcher: plain as never })
    expect((await fetch('http://user-service/')).status).toBe(200)
    expect((await fetch(fixture.backend.url, { dispatcher: plain } as never)).status).toBe(200)
  })

  it('uses the dispatcher of a Request, unless the call has one', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    await using fetch = createFetch(fixture.lb)
    const seen: string[] = []
    class Named extends Agent {
      readonly #name: string

      constructor(name: string) {
        super()
        this.#name = name
      }

      override dispatch(...args: Parameters<Agent['dispatch']>): boolean {
        seen.push(this.#name)
        return super.dispatch(...args)
      }
    }
    const [mine, other] = [new Named('mine'), new Named('other')]
    for (const url of ['http://user-service/', `${fixture.backend.url}/`]) {
      const request = new undici.Request(url, { dispatcher: mine })
      expect((await fetch(request as never)).status).toBe(200)
      expect((await fetch(request.clone() as never, { dispatcher: other } as never)).status).toBe(200)
      expect((await fetch(new undici.Request(request) as never)).status).toBe(200)
      // undici 8 is put in the place of undici 7 here, which `require` does not see: this is a Request of another copy.
      expect(seen.splice(0)).toEqual('Dispatcher1Wrapper' in undici ? ['other'] : ['mine', 'other', 'mine'])
    }
    expect((await fetch(new undici.Request('http://user-service/') as never)).status).toBe(200)
    expect(seen).toEqual([])
    await Promise.all([mine.close(), other.close()])
  })

  it('uses the dispatcher of a single call', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    await using fetch = createFetch(fixture.lb)
    const seen: string[] = []
    const agent = new Agent().compose((dispatch) => (request, handler) => {
      seen.push(String(request.origin))
      return dispatch(request, handler)
    })
    await (await fetch('http://user-service/', { dispatcher: agent } as never)).text()
    expect(seen).toEqual([fixture.backend.url])
    await agent.close()
  })
})
