import { getEventListeners } from 'node:events'
import { DiscoveryError } from '@lb/core'
import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DnsSrvDiscovery } from '../src/index.ts'
import { discoveryOn, serviceName } from './discovery-on-loopback.ts'
import { address, answerTo, LoopbackNameServer, srv } from './loopback-name-server.ts'

const good = { answers: [srv(serviceName, 'a.lb.test')], additionals: [address('a.lb.test', '10.0.0.1')] }

const closedError = { code: 'LB_CLOSED', service: 'web', message: 'web: the discovery was closed' }

let server: LoopbackNameServer
let clock: FakeClock
let discovery: DnsSrvDiscovery

beforeEach(async () => {
  server = await LoopbackNameServer.start()
  clock = new FakeClock()
  discovery = discoveryOn(server, { clock })
})

afterEach(async () => {
  await discovery.close()
  await server.close()
})

/** Sockets of this process: one is the server's. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap' || name === 'TCPSocketWrap').length
}

describe('after close', () => {
  it.each<[string, () => void]>([
    ['a question over UDP', () => {}],
    [
      'a question over TCP',
      () => {
        server.onQuery = (query) => server.send(query, answerTo(query.bytes, { flags: 0x0200 }))
      },
    ],
    [
      'the addresses of a hundred targets',
      () => {
        const answers = Array.from({ length: 100 }, (_, index) => srv(serviceName, `h${index}`))
        server.answer(({ type }) => (type === 'SRV' ? { answers } : undefined))
      },
    ],
  ])(
    'nothing is left of %s on the way, questions reject, and the last word of a watch is that it is closed',
    async (_, behave) => {
      behave()
      const notes = new Notes()
      const subscription = discovery.watch('web', notes)
      const list = discovery.getInstances('web')
      const rejected = expect(list).rejects.toMatchObject(closedError)
      await vi.waitFor(() => expect(server.queries.length + server.connections).toBeGreaterThan(1))
      await discovery.close()
      await discovery.close()
      await rejected
      await vi.waitFor(() => expect([openSockets(), server.openConnections]).toEqual([1, 0]))
      expect(clock.pendingTimers).toBe(0)
      // An answer that comes now finds nobody.
      for (const query of server.queries) server.send(query, answerTo(query.bytes, good))
      await clock.advance(60_000)
      expect([notes.calls, notes.errors]).toMatchObject([1, [closedError]])
      subscription.close()
    },
  )

  it('nothing can be asked any more', async () => {
    await discovery.close()
    await expect(discovery.getInstances('web')).rejects.toMatchObject(closedError)
    const notes = new Notes()
    discovery.watch('web', notes).close()
    expect(notes.errors).toMatchObject([closedError])
    expect(clock.pendingTimers).toBe(0)
  })

  it('of a subscription its question is not on the way any more, and the others go on', async () => {
    const [closed, living] = [new Notes(), new Notes()]
    const subscription = discovery.watch('web', closed)
    discovery.watch('web', living)
    await vi.waitFor(() => expect(server.queries).toHaveLength(2))
    subscription.close()
    server.answer(() => good)
    for (const query of server.queries) server.send(query, answerTo(query.bytes, good))
    await vi.waitFor(() => expect(living.lists).toHaveLength(1))
    expect(closed.calls).toBe(0)
    expect(clock.pendingTimers).toBe(1)
  })
})

describe('a signal', () => {
  it('ends the question with its reason, and is let go', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const list = discovery.getInstances('web', { signal: controller.signal })
    const rejected = expect(list).rejects.toBe(reason)
    await vi.waitFor(() => expect(server.queries).toHaveLength(1))
    controller.abort(reason)
    await rejected
    await vi.waitFor(() => expect(openSockets()).toBe(1))
    expect(clock.pendingTimers).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('is let go after an answer', async () => {
    server.answer(() => good)
    const { signal } = new AbortController()
    await discovery.getInstances('web', { signal })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('that is aborted already asks nobody', async () => {
    const reason = new Error('enough')
    await expect(discovery.getInstances('web', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(server.queries).toEqual([])
  })
})

describe('the whole lookup', () => {
  it('has a limit, however the servers drag it out', async () => {
    // Ten seconds, as nothing else asks for more; each alias takes its server less than a second.
    discovery = discoveryOn(server, { clock, timeoutMs: 1_000 })
    let asked = 0
    server.onQuery = () => {
      asked++
    }
    const list = discovery.getInstances('web')
    const rejected = expect(list).rejects.toThrow(DiscoveryError)
    await vi.waitFor(() => expect(asked).toBe(1))
    await clock.advance(10_000)
    await rejected
    expect(clock.pendingTimers).toBe(0)
  })
})
