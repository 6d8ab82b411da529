import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { KubernetesDiscovery } from '../src/index.ts'
import { at, FollowedService, retryMs } from './followed-service.ts'
import { status } from './loopback-api-server.ts'
import { notReady, slice } from './slices.ts'

// Against a fake: what the real server does is in the suites on it.

const run = FollowedService.forEachTest()

describe('what the API server refuses', () => {
  const forbidden =
    'endpointslices.discovery.k8s.io is forbidden: User "system:serviceaccount:a:b" cannot list resource'
  it.each<[number, object | string, string, number]>([
    [403, status(403, 'Forbidden', forbidden), `${forbidden}. Grant the verbs "list" and "watch"`, 30_000],
    [404, '404 page not found', 'It must have discovery.k8s.io/v1, as it has since Kubernetes 1.21', 30_000],
    [401, status(401, 'Unauthorized', 'Unauthorized'), 'Unauthorized. The token is not accepted', retryMs],
    [500, status(500, 'InternalError', 'etcdserver: leader changed'), 'etcdserver: leader changed', retryMs],
    [503, '<html>no backend</html>', 'answered 503', retryMs],
  ])('%s is told with what to do, and asked again after a while', async (code, body, message, delayMs) => {
    run.server.answer = () => ({ status: code, body })
    run.follow({ token: 'secret-1' })
    await run.eventually(() => expect(run.notes.messages).toEqual([expect.stringContaining(message)]))
    expect(run.notes.messages.join()).not.toContain('secret-1')
    await run.clock.advance(delayMs - 1)
    expect(run.server.requests).toHaveLength(1)
    run.server.answer = () => undefined
    await run.eventuallyAdvancing(() => expect(run.notes.lists).toHaveLength(1))
  })

  it.each([429, 503])('%s is asked again when it says so', async (code) => {
    run.server.answer = () => ({
      status: code,
      body: status(code, 'TooManyRequests', 'slow down'),
      headers: { 'retry-after': '7' },
    })
    run.follow()
    await run.eventually(() => expect(run.notes.errors).toHaveLength(1))
    await run.clock.advance(6_999)
    expect(run.server.requests).toHaveLength(1)
    await run.clock.advance(5_000)
    await run.eventually(() => expect(run.server.requests).toHaveLength(2))
  })

  it('within a watch is told, and the watch goes on from where it was', async () => {
    run.follow()
    await run.watching(1)
    run.server.watch.send('BOOKMARK', { metadata: { resourceVersion: '15' } })
    run.server.watch.send('ERROR', status(500, 'InternalError', 'etcd event received with PrevKv=nil'))
    await run.eventually(() => expect(run.notes.messages[0]).toContain('etcd event received'))
    await run.eventuallyAdvancing(() => expect(run.server.watches).toHaveLength(2))
    expect(run.server.watch.request.query.resourceVersion).toBe('15')
  })
})

describe('an answer that makes no sense', () => {
  it.each<[string, object | string]>([
    ['no JSON', '{"kind":"EndpointSliceList","metadata":{"resourceVersion":"7"},"items":['],
    ['another kind', { kind: 'PodList', metadata: { resourceVersion: '7' }, items: [] }],
    ['nothing', ''],
    ['no version', { kind: 'EndpointSliceList', metadata: {}, items: [] }],
    ['a malformed slice', { kind: 'EndpointSliceList', metadata: { resourceVersion: '7' }, items: [{}] }],
  ])('(%s) is a failure, not an empty list', async (_, body) => {
    run.server.answer = () => ({ status: 200, body })
    run.follow()
    await run.eventually(() => expect(run.notes.errors).toHaveLength(1))
    expect(run.notes.lists).toEqual([])
    await expect(run.discovery?.getInstances('orders')).rejects.toThrow(/^orders: /)
  })

  it('within a watch keeps the list', async () => {
    run.server.slices = [at('7', 'a', '10.0.0.1')]
    run.follow()
    await run.watching(1)
    run.server.watch.write('{"type":"DELETED"}\n')
    await run.eventually(() => expect(run.notes.errors).toHaveLength(1))
    await run.eventuallyAdvancing(() => expect(run.server.watches).toHaveLength(2))
    expect([run.notes.hosts, run.server.watch.request.query.resourceVersion]).toEqual([['10.0.0.1'], '10'])
  })
})

describe('a watch on which nothing comes', () => {
  it('is given up 30 s after it should have ended', async () => {
    run.follow()
    await run.watching(1)
    await run.clock.advance(479_999)
    expect(run.notes.errors).toEqual([])
    await run.clock.advance(1)
    await run.eventually(() =>
      expect(run.notes.messages).toEqual([expect.stringContaining('nothing came for 480000 ms')]),
    )
    await run.eventuallyAdvancing(() => expect(run.server.watches).toHaveLength(2))
    await run.eventually(() => expect(run.server.watches[0]?.isOpen).toBe(false))
  })

  it('from a server that sends bookmarks, after three minutes', async () => {
    run.follow()
    await run.watching(1)
    run.server.watch.send('BOOKMARK', { metadata: { resourceVersion: '15' } })
    await run.eventually(() => expect(run.clock.pendingTimers).toBeGreaterThan(0))
    await run.clock.advance(300_000)
    run.server.watch.end()
    await run.watching(2)
    await run.eventuallyAdvancing(
      () => expect(run.notes.messages).toEqual([expect.stringContaining('nothing came for 180000 ms')]),
      5_000,
    )
    // Perhaps another server took over that sends none.
    await run.eventuallyAdvancing(() => expect(run.server.watches).toHaveLength(3))
    await run.clock.advance(470_000)
    expect(run.notes.errors).toHaveLength(1)
  })
})

describe('the token in a file', () => {
  it('when replaced, is sent from the next minute on, and at once when the old one is refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lb-token-'))
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, 'first')
    run.follow({ tokenFile })
    await run.watching(1)
    writeFileSync(tokenFile, 'second')
    await run.clock.advance(300_000)
    run.server.watch.end()
    await run.watching(2)
    writeFileSync(tokenFile, 'third')
    run.server.answer = ({ authorization }) =>
      authorization === 'Bearer third' ? undefined : { status: 401, body: status(401, 'Unauthorized', 'x') }
    await run.clock.advance(5_000)
    run.server.watch.end()
    await run.watching(3)
    await run.discovery?.getInstances('orders')
    expect(run.server.requests.map(({ authorization }) => authorization)).toEqual([
      ...Array(2).fill('Bearer first'),
      ...Array(2).fill('Bearer second'),
      ...Array(2).fill('Bearer third'),
    ])
    expect(run.notes.errors).toEqual([])
    rmSync(folder, { recursive: true })
  })
})

describe('a Service whose port is unclear', () => {
  it('is a failure until a change of its slices makes it clear', async () => {
    const two = [
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
    ]
    run.server.slices = [slice('orders', 'a', ['10.0.0.1'], { ports: two })]
    run.follow()
    await run.watching(1)
    expect(run.notes.messages).toEqual([
      'orders: the Service has several ports: "a", "b". Set the option port to one of them',
    ])
    run.server.watch.send('MODIFIED', at('11', 'a', '10.0.0.1'))
    await run.told('10.0.0.1')
  })

  it('may be said for each service', async () => {
    run.server.slices = [
      slice('orders', 'a', ['10.0.0.1'], {
        ports: [
          { name: 'a', port: 1 },
          { name: 'b', port: 2 },
        ],
      }),
    ]
    run.follow({ port: (service) => (service === 'orders' ? 'b' : undefined) })
    await run.eventually(() => expect(run.notes.lists[0]).toMatchObject([{ port: 2 }]))
    await run.discovery?.close()
    run.discovery = new KubernetesDiscovery({ server: run.server.url, port: () => 0 })
    await expect(run.discovery.getInstances('orders')).rejects.toThrow('the option port gave neither')
  })
})

it('options that are changed later change nothing', async () => {
  const options = { server: run.server.url, port: 'grpc' }
  run.server.slices = [slice('orders', 'a', ['10.0.0.1'])]
  run.discovery = new KubernetesDiscovery(options)
  options.port = 'http'
  await expect(run.discovery.getInstances('orders')).rejects.toThrow('no endpoint has a TCP port named "grpc"')
})

it('a Service without usable endpoints has a list in which nobody gets traffic', async () => {
  run.server.slices = [slice('orders', 'a', [{ addresses: ['10.0.0.1'], conditions: notReady }])]
  run.follow()
  await run.eventually(() => expect(run.notes.lists).toMatchObject([[{ host: '10.0.0.1', weight: 0, healthy: false }]]))
})
