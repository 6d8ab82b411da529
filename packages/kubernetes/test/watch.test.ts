import { describe, expect, it } from 'vitest'
import { at, FollowedService, retryMs } from './followed-service.ts'
import { expired, status } from './loopback-api-server.ts'

// Against a fake: what the real server does is in the suites on it.

const run = FollowedService.forEachTest()

describe('a watch', () => {
  it('lists what the server has at hand, and watches from there', async () => {
    run.server.slices = [at('7', 'a', '10.0.0.1')]
    run.follow()
    await run.told('10.0.0.1')
    await run.watching(1)
    expect(run.server.requests).toMatchObject([
      {
        path: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
        query: { labelSelector: 'kubernetes.io/service-name=orders', resourceVersion: '0' },
      },
      {
        path: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
        query: {
          labelSelector: 'kubernetes.io/service-name=orders',
          watch: '1',
          resourceVersion: '10',
          allowWatchBookmarks: 'true',
          // Between 300 and 600: in the middle, as chance is.
          timeoutSeconds: '450',
        },
      },
    ])
  })

  it('adds what comes, changes it, and takes one slice of two away', async () => {
    run.server.slices = [at('7', 'a', '10.0.0.1')]
    run.follow()
    await run.watching(1)
    run.server.watch.send('ADDED', at('11', 'b', '10.0.0.2'))
    await run.eventually(() => expect(run.clock.pendingTimers).toBeGreaterThan(1))
    await run.clock.advance(100)
    await run.told('10.0.0.1', '10.0.0.2')
    run.server.watch.send('MODIFIED', at('12', 'b', '10.0.0.3'))
    await run.clock.advance(100)
    await run.told('10.0.0.1', '10.0.0.3')
    run.server.watch.send('DELETED', at('13', 'a', '10.0.0.1'))
    await run.told('10.0.0.3')
    expect(run.notes.errors).toEqual([])
  })

  it('tells a burst of changes at once', async () => {
    run.server.slices = [at('7', 'a', '10.0.0.1')]
    run.follow()
    await run.watching(1)
    await run.clock.advance(100)
    const lines = Array.from({ length: 200 }, (_, index) =>
      JSON.stringify({ type: 'MODIFIED', object: at(String(11 + index), 'a', `10.0.1.${index}`) }),
    )
    run.server.watch.write(`${lines.join('\n')}\n`)
    await run.told('10.0.1.199')
    expect(run.notes.lists.length).toBeLessThanOrEqual(5)
  })

  it('is silent about changes that change nothing', async () => {
    run.server.slices = [at('7', 'a', '10.0.0.1')]
    run.follow()
    await run.watching(1)
    await run.clock.advance(100)
    run.server.watch.send('MODIFIED', at('11', 'a', '10.0.0.1'))
    run.server.watch.send('BOOKMARK', { metadata: { resourceVersion: '12' } })
    run.server.watch.end()
    await run.eventuallyAdvancing(() => expect(run.server.watches).toHaveLength(2))
    expect(run.notes.calls).toBe(1)
  })

  it('reads lines however they are cut, letter by letter', async () => {
    run.server.slices = [at('7', 'a', '10.0.0.1')]
    run.follow()
    await run.watching(1)
    const line = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: at('11', 'ü', '10.0.0.2') })}\n`)
    for (const byte of line) {
      run.server.watch.write(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await run.told('10.0.0.1', '10.0.0.2')
  })
})

describe('when a watch ends', () => {
  it('the next one goes on from the last bookmark, without a list', async () => {
    run.server.slices = [at('7', 'a', '10.0.0.1')]
    run.follow()
    await run.watching(1)
    run.server.watch.send('MODIFIED', at('11', 'a', '10.0.0.1'))
    run.server.watch.send('BOOKMARK', { kind: 'EndpointSlice', metadata: { resourceVersion: '99' } })
    await run.clock.advance(300_000)
    run.server.watch.end()
    await run.watching(2)
    expect([run.server.watch.request.query.resourceVersion, run.server.lists.length]).toEqual(['99', 1])
    expect(run.notes.errors).toEqual([])
  })

  it('after less than a second, there is a pause before the next one, longer each time', async () => {
    run.follow()
    const pausesMs: number[] = []
    for (let count = 1; count <= 5; count++) {
      await run.watching(count)
      run.server.watch.end()
      await run.eventually(() => expect(run.clock.pendingTimers).toBe(1))
      const before = run.clock.now()
      await run.eventuallyAdvancing(() => expect(run.server.requests.length).toBeGreaterThan(count + 1))
      pausesMs.push(run.clock.now() - before)
    }
    for (const [index, pauseMs] of pausesMs.entries()) expect(pauseMs).toBeGreaterThanOrEqual(retryMs * 2 ** index)
    expect(run.notes.errors).toEqual([])
  })

  it('by a broken connection, that is told, the next one goes on, and the list is told again', async () => {
    run.server.slices = [at('7', 'a', '10.0.0.1')]
    run.follow()
    await run.watching(1)
    await run.clock.advance(5_000)
    run.server.watch.reset()
    await run.eventually(() => expect(run.notes.errors).toHaveLength(1))
    expect(run.notes.messages[0]).toMatch(/^orders: KubernetesDiscovery: http.*broke off/)
    await run.clock.advance(retryMs)
    await run.watching(2)
    await run.eventually(() => expect(run.notes.lists).toHaveLength(2))
    expect([run.server.lists.length, run.notes.hosts]).toEqual([1, ['10.0.0.1']])
  })
})

describe('when the version is too old', () => {
  it.each(['in the stream', 'by its status', 'by its status alone'])(
    '%s, the list is asked for again, and traffic goes on meanwhile',
    async (where) => {
      run.server.slices = [at('7', 'a', '10.0.0.1')]
      run.follow()
      await run.watching(1)
      await run.clock.advance(300_000)
      let gone = where !== 'in the stream'
      run.server.answer = ({ watch }) => {
        if (!watch || !gone) return undefined
        gone = false
        return { status: 410, body: where === 'by its status' ? expired('10') : '<html>gone</html>' }
      }
      run.server.slices = [at('700', 'b', '10.0.0.2')]
      run.server.version = '710'
      if (where === 'in the stream') run.server.watch.send('ERROR', expired('10'))
      else run.server.watch.end()
      await run.watching(2)
      await run.told('10.0.0.2')
      expect(run.server.lists.map(({ query }) => query.resourceVersion)).toEqual(['0', '10'])
      expect(run.server.watch.request.query.resourceVersion).toBe('710')
      // Never nothing in between, and no failure.
      expect(run.notes.lists.map((list) => list.length)).toEqual([1, 1])
      expect(run.notes.errors).toEqual([])
    },
  )

  it.each<[string, { status: number; body: object }]>([
    ['is too old too', { status: 410, body: expired('10') }],
    [
      'is not known yet',
      {
        status: 504,
        body: status(504, 'Timeout', 'Too large resource version: 10, current: 5', {
          causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
          retryAfterSeconds: 1,
        }),
      },
    ],
  ])('and that of the list %s, the newest is asked for', async (_, answer) => {
    run.follow()
    await run.watching(1)
    await run.clock.advance(300_000)
    run.server.answer = ({ watch, query }) => (!watch && query.resourceVersion === '10' ? answer : undefined)
    run.server.watch.send('ERROR', expired('10'))
    await run.watching(2)
    expect(run.server.lists.map(({ query }) => query.resourceVersion)).toEqual(['0', '10', undefined])
    expect(run.notes.errors).toEqual([])
  })

  it('again and again, it is asked ever more seldom', async () => {
    run.follow()
    await run.watching(1)
    await run.clock.advance(300_000)
    run.server.answer = ({ watch }) => (watch ? { status: 410, body: expired('10') } : undefined)
    run.server.watch.send('ERROR', expired('10'))
    // The rest of this session, which was a long one, and at once another one.
    await run.eventually(() => expect(run.server.requests).toHaveLength(8))
    const pausesMs: number[] = []
    for (let asked = 8; asked <= 24; asked += 4) {
      // Each session asks four times; then nothing but the pause before the next one is left.
      await run.eventually(() => expect([run.server.requests.length, run.clock.pendingTimers]).toEqual([asked, 1]))
      const before = run.clock.now()
      await run.eventuallyAdvancing(() => expect(run.server.requests.length).toBeGreaterThan(asked))
      pausesMs.push(run.clock.now() - before)
    }
    for (const [index, pauseMs] of pausesMs.entries()) expect(pauseMs).toBeGreaterThanOrEqual(retryMs * 2 ** index)
    expect(run.server.lists.some(({ query }) => query.resourceVersion === undefined)).toBe(true)
  })
})
